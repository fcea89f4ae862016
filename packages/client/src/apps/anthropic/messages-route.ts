import { bullaError } from '../../connection/errors.js';
import { respondStreamed, respondWhole } from '../app-answer.js';
import { readAppBody } from '../app-body.js';
import type { AppCall } from '../app-call.js';
import type { AppResponse } from '../app-request.js';
import { newVendorId } from '../vendor-id.js';
import { VendorWriter } from '../vendor-events.js';
import { MessageEvents } from './message-events.js';
import { messageOf } from './message-object.js';
import { readMessages } from './messages-request.js';

/** `POST /messages`. */
export async function answerMessages(call: AppCall): Promise<AppResponse> {
  const { question, stream } = readMessages(readAppBody(call.request), call.options);
  const frame = { id: newVendorId('msg_'), model: question.model };
  const response = stream
    ? await respondStreamed(call, question, new VendorWriter(new MessageEvents(frame)))
    : await respondWhole(call, question, ({ completion }) => messageOf(completion, frame));
  // What Anthropic's SDKs look for it by.
  return { ...response, headers: { ...response.headers, 'request-id': call.requestId } };
}

/** `POST /messages/count_tokens`: only the server of a model has its vocabulary. */
export async function refuseCountTokens(): Promise<AppResponse> {
  const message = 'no tokens are counted here: the usage of an answer says how many it took';
  throw bullaError('not_found', { message, origin: 'client' });
}
