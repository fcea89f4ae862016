import type { ChatMessage, ParameterName } from '@bulla/crypto';
import { chatMessagesSchema, parametersSchema, tokenParameters } from '@bulla/crypto';
import { refused } from './app-errors.js';
import type { AppQuestion } from './app-question.js';
import { promptNamed } from './app-question.js';

/** Where a vendor's request says what a sealed question calls by other names (RFC 6901). */
export type Places = { readonly [Name in ParameterName | 'messages']?: string };

/**
 * A question that can be sealed: what its vendor's interface allows may still be too much of it.
 * @throws {BullaError} validation_failed that names the member as the app knows it
 */
export function checkedQuestion(question: AppQuestion, places: Places): AppQuestion {
  // guard: app-question-messages
  if (!chatMessagesSchema.safeParse(question.messages).success)
    throw refused(places.messages ?? '/messages', 'has more, or something else, than a sealed question takes');
  const instructs = ({ role }: ChatMessage) => role === 'system' || role === 'developer';
  const isPrompt = promptNamed(question.model) !== undefined;
  // guard: app-question-empty
  if (!isPrompt && question.messages.length === 0) throw refused(places.messages ?? '/messages', 'must not be empty');
  // guard: app-question-instructions
  if (isPrompt && question.messages.some(instructs))
    throw refused(places.messages ?? '/messages', 'must not instruct: the stored prompt does');
  const { error } = parametersSchema.safeParse(tokenParameters(question.parameters));
  const name = error?.issues[0]?.path[0] as ParameterName | undefined;
  // guard: app-question-parameters
  if (name !== undefined) throw refused(places[name] ?? `/${name}`, 'is not of the kind that a sealed question takes');
  return question;
}
