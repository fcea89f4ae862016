import { Problem } from '@bulla/contract';
import type { ChatEnvelopeClaims, InvocationClaims } from '@bulla/crypto';
import { modelParameters, parametersOf } from '@bulla/crypto';
import type { ModelRequest } from '../models/model.js';
import { leastOf } from './prompt-run.js';

/**
 * Step 14 of protocol.md §2.4 for a chat without a stored prompt: what is asked is what the model gets.
 * @throws {Problem} validation_failed, variable_unknown, forbidden, model_not_allowed; none with a word of the question
 */
export function renderChat({ pol }: ChatEnvelopeClaims, question: InvocationClaims): ModelRequest {
  const { opt, vars = {}, messages, jti } = question;
  const embeddings = question.purpose === 'chat.invoke' ? question.embeddings : undefined;
  // guard: chat-variables
  if (Object.keys(vars).length > 0) throw new Problem('variable_unknown');
  // guard: chat-messages
  if (messages.length === 0 && embeddings === undefined)
    throw new Problem('validation_failed', { detail: 'a chat has at least one message' });
  // guard: chat-stream
  if (opt.stream && !pol.stream) throw new Problem('forbidden', { detail: 'the envelope allows no stream' });
  // guard: chat-model
  if (opt.model === undefined || !pol.models.includes(opt.model)) {
    throw new Problem('model_not_allowed', { detail: 'the envelope is for other models' });
  }
  return {
    model: opt.model,
    messages,
    ...(embeddings !== undefined && { embeddings }),
    maxOutputTokens: leastOf(pol.max_output_tokens, opt.max_output_tokens),
    parameters: modelParameters(parametersOf(opt)),
    requestId: jti,
  };
}
