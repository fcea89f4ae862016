import { bullaError } from '../../connection/errors.js';
import { respondStreamed, respondWhole } from '../app-answer.js';
import { readAppBody } from '../app-body.js';
import type { AppCall } from '../app-call.js';
import type { AppResponse } from '../app-request.js';
import { newVendorId } from '../vendor-id.js';
import { VendorWriter } from '../vendor-events.js';
import { ResponseEvents } from './response-events.js';
import { responseOf } from './response-object.js';
import { readResponses } from './responses-request.js';

/** `POST /responses`. */
export function answerResponses(call: AppCall): Promise<AppResponse> {
  const { question, stream, asked } = readResponses(readAppBody(call.request), call.options);
  const createdAt = Math.floor(Date.now() / 1_000);
  const frame = { id: newVendorId('resp_'), createdAt, model: question.model ?? '', asked };
  if (stream) return respondStreamed(call, question, new VendorWriter(new ResponseEvents(frame)));
  return respondWhole(call, question, ({ completion }) => responseOf(completion, frame));
}

/** What only a server of the vendor can do, beside what is about a response that it keeps. */
const ELSEWHERE = new Map([
  ['/responses/input_tokens', 'no tokens are counted here: the usage of a response says how many it took'],
  ['/responses/compact', 'no conversation is made shorter here: ask a model to sum it up'],
]);

/** `GET /responses/{id}`, and all else about a response that a server would have kept. */
export async function refuseKeptResponse({ request: { path } }: AppCall): Promise<AppResponse> {
  const message = ELSEWHERE.get(path) ?? 'no response is kept at a server here: keep what POST /responses answers';
  throw bullaError('not_found', { message, origin: 'client' });
}
