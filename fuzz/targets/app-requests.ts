import { equal } from 'node:assert/strict';
import { chatMessagesSchema, parametersSchema, tokenParameters } from '@bulla/crypto';
import { readMessages } from '../../packages/client/dist/apps/anthropic/messages-request.js';
import type { AppObject } from '../../packages/client/dist/apps/app-body.js';
import { readAppBody } from '../../packages/client/dist/apps/app-body.js';
import type { AppQuestion } from '../../packages/client/dist/apps/app-question.js';
import { readChatRequest } from '../../packages/client/dist/apps/openai/chat-request.js';
import { readResponses } from '../../packages/client/dist/apps/responses/responses-request.js';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

interface Read {
  readonly question: AppQuestion;
}

const READERS: readonly ((body: AppObject) => Read)[] = [
  (body) => readChatRequest(body, {}),
  (body) => readResponses(body, {}),
  (body) => readMessages(body, {}),
];

/** The body of an app's request, read in the interface of each vendor: what is accepted can be sealed. */
export function fuzz(input: Uint8Array): boolean {
  const body = read(() => readAppBody({ body: own(input), header: () => 'application/json' }), 'BullaError');
  if (body === undefined) return false;
  let accepted = false;
  for (const reader of READERS) {
    const request: Read | undefined = read((): Read => reader(body), 'BullaError');
    if (request === undefined) continue;
    accepted = true;
    const { messages, parameters }: AppQuestion = request.question;
    equal(chatMessagesSchema.safeParse(messages).success, true);
    equal(parametersSchema.safeParse(tokenParameters(parameters)).success, true);
  }
  return accepted;
}
