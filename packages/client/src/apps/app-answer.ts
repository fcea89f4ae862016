import type { CompletionChunk } from '@bulla/crypto';
import type { Answer, AnsweredPrompt } from '../runs/answer.js';
import type { AnswerEvent } from '../runs/answer-events.js';
import type { PiiReport } from '../pii/pii-settings.js';
import { piiHeader } from '../pii/pii-settings.js';
import { actsOrEnds } from '../runs/runs.js';
import type { AppCall } from './app-call.js';
import type { AppFault } from './app-errors.js';
import { faultOf } from './app-errors.js';
import type { AppQuestion } from './app-question.js';
import { askStreamed, askWhole } from './app-question.js';
import type { AppResponse } from './app-request.js';

/** An answer to a chat or to a stored prompt. */
export type AnyAnswer = Answer<AnsweredPrompt | undefined>;
type AnyEvent = AnswerEvent<AnyAnswer>;

/** Writes the events of one stream in the interface of a vendor; each method gives whole events, or nothing. */
export interface AnswerWriter {
  /**
   * Chunks that end something or act come here once the signed end was verified, so what this writes may be sent as it
   * is; what the writer makes up itself of an end belongs into {@link end}.
   */
  chunk(chunk: CompletionChunk): string;
  /** What comes last, of a verified answer. */
  end(answer: AnyAnswer): string;
  /** What comes last where it failed: an error, and nothing that an app takes for an end. */
  failed(fault: AppFault): string;
}

/** So long the first piece is waited for, so that an error before it has its status; then the stream begins without. */
const HEAD_WAIT_MS = 10_000;

/**
 * The verified answer as one document.
 * @param write makes it of the answer
 */
export async function respondWhole(
  call: AppCall,
  question: AppQuestion,
  write: (answer: AnyAnswer) => object,
): Promise<AppResponse> {
  const answer = await askWhole(call, question);
  const receipt = receiptOf(call);
  const kept = receipt.keep(answer);
  // While the disk takes the receipt; nothing leaves before it has.
  const body = JSON.stringify(write(answer));
  // guard: app-whole-kept
  await kept;
  return { status: 200, headers: answerHeaders(call, answer, receipt), body };
}

/** Headers of an answer that is told as a whole. */
export function answerHeaders(call: AppCall, answer: AnyAnswer, receipt: Receipt): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-bulla-verified': 'true',
    'x-bulla-responder': answer.responder,
    ...piiHeaders(answer.pii),
    ...receipt.headers,
    ...callHeaders(call),
  };
}

/** What was found of personal data before the question was sealed; nothing where nobody looked. */
function piiHeaders(report: PiiReport | undefined): Record<string, string> {
  return report === undefined ? {} : { 'x-bulla-pii': piiHeader(report) };
}

/**
 * The answer as it comes. `x-bulla-verified` says `at-end`: an end is told once the signed end was verified.
 * @throws {BullaError} what comes before the first piece
 */
export async function respondStreamed(
  call: AppCall,
  question: AppQuestion,
  writer: AnswerWriter,
): Promise<AppResponse> {
  const responder = await call.bulla.responder(call.options.responder);
  let report: PiiReport | undefined;
  const events = askStreamed(call, question, (found) => (report = found));
  const first = events.next();
  await settledWithin(first, HEAD_WAIT_MS);
  const receipt = receiptOf(call);
  const headers = {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-bulla-verified': 'at-end',
    'x-bulla-responder': responder,
    ...piiHeaders(report),
    ...receipt.headers,
    ...callHeaders(call),
  };
  return { status: 200, headers, body: written(call, { first, events, writer, receipt }) };
}

interface Streamed {
  readonly first: Promise<IteratorResult<AnyEvent, unknown>>;
  readonly events: AsyncGenerator<AnyEvent>;
  readonly writer: AnswerWriter;
  readonly receipt: Receipt;
}

async function* written(call: AppCall, { first, events, writer, receipt }: Streamed): AsyncGenerator<string> {
  /** What ends or acts: it leaves with the end, after the answer is kept. */
  let held = '';
  try {
    for (let next = await first; next.done !== true; next = await events.next()) {
      const { answer, chunk } = next.value;
      if (answer !== undefined) {
        // guard: app-stream-kept
        await receipt.keep(answer);
        yield held + writer.end(answer);
        return;
      }
      const text = writer.chunk(chunk);
      if (held !== '' || actsOrEnds(chunk)) held += text;
      else if (text !== '') yield text;
    }
  } catch (error) {
    yield writer.failed(faultOf(error, call.requestId));
  } finally {
    await events.return(undefined);
  }
}

/** Where an answer is kept. */
export interface Receipt {
  /** How the response says so. */
  readonly headers: Readonly<Record<string, string>>;
  keep(answer: AnyAnswer): Promise<void>;
}

/** The place of the next answer; none for an app that asks not to have it kept. */
export function receiptOf({ options: { keeper }, request }: AppCall): Receipt {
  const id = request.header('x-bulla-no-store') === undefined ? keeper?.newId() : undefined;
  return {
    headers: id === undefined ? {} : { 'x-bulla-receipt-id': id },
    keep: async (answer: AnyAnswer) => keeper?.keep(id, answer),
  };
}

/** Headers that every answer has. */
export function callHeaders({ requestId, startedMs }: AppCall): Record<string, string> {
  const took = Math.max(1, Math.round(performance.now() - startedMs));
  return { 'x-request-id': requestId, 'openai-processing-ms': String(took) };
}

/** Waits for what ends within a time; what fails within it is thrown. */
async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
    // It may still fail before anybody reads the stream, which then says so.
    work.catch(() => undefined);
  }
}
