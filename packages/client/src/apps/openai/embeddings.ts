import type { EmbeddingsRequest } from '../../chats/embeddings.js';
import { answerHeaders, receiptOf } from '../app-answer.js';
import type { AppObject } from '../app-body.js';
import { readAppBody } from '../app-body.js';
import type { AppCall } from '../app-call.js';
import { refused } from '../app-errors.js';
import { promptNamed } from '../app-question.js';
import type { AppResponse } from '../app-request.js';
import { readMembers } from '../request-members.js';
import { EMBEDDINGS_MEMBERS } from './chat-members.js';
import { textAt, tokensAt } from './chat-request.js';

/** `POST /embeddings`. @throws {BullaError} */
export async function answerEmbeddings(call: AppCall): Promise<AppResponse> {
  const { bulla, options, request } = call;
  const asked = readEmbeddings(readAppBody(request), options.passUnknown === true);
  const { embeddings, answer } = await bulla.embeddings.create(asked, {
    responder: options.responder,
    signal: request.signal,
  });
  const receipt = receiptOf(call);
  await receipt.keep(answer);
  return { status: 200, headers: answerHeaders(call, answer, receipt), body: JSON.stringify(embeddings) };
}

function readEmbeddings(body: AppObject, passUnknown: boolean): EmbeddingsRequest {
  const given = readMembers(body, EMBEDDINGS_MEMBERS, passUnknown);
  const model = textAt(given, 'model');
  if (promptNamed(model) !== undefined) throw refused('/model', 'must be a model: a stored prompt makes no embeddings');
  const dimensions = tokensAt(given, 'dimensions');
  const format = given['encoding_format'];
  if (format !== undefined && format !== 'float' && format !== 'base64')
    throw refused('/encoding_format', 'must be float or base64');
  return {
    model,
    input: readInput(given['input']),
    ...(dimensions !== undefined && { dimensions }),
    ...(format !== undefined && { encoding_format: format }),
  };
}

/** One text or several. Numbers of tokens are those of one model's vocabulary, which no responder can look at. */
function readInput(input: unknown): string | string[] {
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (texts.length > 0 && texts.every((text) => typeof text === 'string' && text !== ''))
    return input as string | string[];
  throw refused('/input', 'must be one text or a list of texts, none of them empty, and no numbers of tokens');
}
