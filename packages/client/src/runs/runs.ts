import type { Bytes, CompletionChunk, Trust } from '@bulla/crypto';
import { LineReader, parseChunk, requireReplyHead, verifyFin } from '@bulla/crypto';
import { ReplyOpener } from '@bulla/crypto/open';
import type { AnsweredPrompt } from './answer.js';
import { Answer } from './answer.js';
import type { AnswerChunks, AnswerEvent } from './answer-events.js';
import type { Again } from '../connection/backoff.js';
import { untilKnown } from '../connection/backoff.js';
import { BullaError, bullaError, checked, transportFailed } from '../connection/errors.js';
import type { Asking, PromptQuestion } from './question.js';
import { ask } from './question.js';
import { sealedProblem, truncated } from './run-faults.js';
import type { IncomingReply } from './reply-reader.js';
import { readReply } from './reply-reader.js';
import type { PiiOptions } from '../pii/pii-settings.js';
import { mapQuestion, wantsJson } from '../pii/question-texts.js';
import type { Question } from './sealed-question.js';
import type { Session } from '../connection/session.js';
import { newIdempotencyKey } from '../connection/transport.js';
import { isAboutKeys } from '../trust/trust-keeper.js';
import { withVariableErrors } from '../prompts/variable-errors.js';

export interface RunOptions extends Omit<Asking, 'name' | 'vars' | 'stream'>, PiiOptions {
  /** Longest wait for the end of an answer, or for the beginning of one in parts; 10 minutes unless given. */
  readonly timeoutMs?: number | undefined;
  /** Longest time between two parts of a stream; 10 minutes unless given. Heartbeats do not count as parts. */
  readonly idleTimeoutMs?: number | undefined;
}

/** How long a run is waited for. */
export type RunLimits = Pick<RunOptions, 'timeoutMs' | 'idleTimeoutMs'>;
type Limits = { readonly [Name in keyof RunLimits]-?: number };

/** What the stream of a run yields. */
export type RunEvent = AnswerEvent<Answer>;

const ANSWER_TIMEOUT_MS = 600_000;
const IDLE_TIMEOUT_MS = 600_000;
/** A question is answered again for so long after its envelope's time (protocol.md §2.4 step 9). */
const REPLAY_SECONDS = 15 * 60;

/** The answer to a question: of a stored prompt it says which. */
type AnswerTo<Asked> = Answer<Asked extends PromptQuestion ? AnsweredPrompt : undefined>;

/** What is asked, and how it is asked once more where it never ran. */
export interface Inquiry<Asked extends Question> {
  /** Whether the answer is to come in parts. */
  readonly stream: boolean;
  readonly signal?: AbortSignal | undefined;
  /**
   * Gets leave and seals a new question.
   * @param before the question that never ran, which the new one repeats.
   */
  ask(before?: Asked): Promise<Asked>;
  /** What is to be told of a refusal, with what this device knows itself. */
  explain?(question: Asked, error: unknown): Promise<unknown>;
}

/**
 * Runs a prompt, as {@link runInquiry}.
 * @throws {BullaError} with each variable that is wrong in `errors` where this device may read the prompt
 */
export function runPrompt(
  session: Session,
  asking: Asking,
  { onPii, ...limits }: RunLimits & PiiOptions = {},
): AnswerChunks<Answer> {
  const { stream, signal } = asking;
  const inquiryOf = (asked: Asking): Inquiry<PromptQuestion> => ({
    stream,
    signal,
    ask: (before) => ask(session, before === undefined ? asked : { ...asked, retryOf: before.jti }),
    explain: (question, error) => withVariableErrors(session, question, asked, error),
  });
  const passage = { question: asking, map: mapQuestion<Asking>, onPii, isJson: wantsJson(asking.parameters) };
  return session.pii.pass(passage, (asked) => runInquiry(session, inquiryOf(asked), limits));
}

/**
 * Asks, yields the chunks of the answer as they come, together those that came together, and returns the verified answer,
 * or throws. What is yielded is authentic to this question but not yet signed: show it, do not act on it. Calls of tools
 * are there to be acted on, and a finish reason says that an answer is whole: they, and what follows them, are yielded when
 * the signed end is verified.
 * @throws {BullaError} what vault, responder or model refused; stream_truncated for anything but a verified end; the
 *   signal's reason if it aborts
 */
export async function* runInquiry<Asked extends Question>(
  session: Session,
  inquiry: Inquiry<Asked>,
  { timeoutMs = ANSWER_TIMEOUT_MS, idleTimeoutMs = IDLE_TIMEOUT_MS }: RunLimits = {},
): AnswerChunks<AnswerTo<Asked>> {
  const { question, reply } = await begin(session, inquiry, { timeoutMs, idleTimeoutMs });
  try {
    return yield* receive(session, question, reply, inquiry);
  } catch (error) {
    throw inquiry.explain === undefined ? error : await inquiry.explain(question, error);
  } finally {
    question.rsp.wipe();
  }
}

interface Begun<Asked> {
  readonly question: Asked;
  readonly reply: IncomingReply;
}

/**
 * Asks, and once more with a new envelope and a new question if the first one never ran: it was too late, its envelope
 * used up, or refused for a key by a directory that is newer than ours.
 */
async function begin<Asked extends Question>(
  session: Session,
  inquiry: Inquiry<Asked>,
  limits: Limits,
): Promise<Begun<Asked>> {
  const first = await inquiry.ask();
  let tries = 0;
  try {
    return await send(session, first, inquiry, limits, () => tries++);
  } catch (error) {
    const isAnew = neverRan(first, error) || (tries === 1 && (await wasBehind(session, first, error)));
    if (!isAnew) throw error;
    return send(session, await inquiry.ask(first), inquiry, limits);
  }
}

/**
 * Sends a question until a head of its answer is there: the same bytes each time, which the responder runs at most
 * once, as long as it knows them (protocol.md §6).
 */
async function send<Asked extends Question>(
  session: Session,
  question: Asked,
  { signal, stream }: Pick<Inquiry<Asked>, 'signal' | 'stream'>,
  { timeoutMs, idleTimeoutMs: idleMs }: Limits,
  failed: () => void = () => undefined,
): Promise<Begun<Asked>> {
  const { responder, sealed, bundle, trust, envelope, rsp } = question;
  const untilMs = performance.now() + timeoutMs;
  const untilSeconds = envelope.claims.exp + REPLAY_SECONDS;
  const wait = untilKnown(() => performance.now() < untilMs && session.now() < untilSeconds);
  const again: Again = (...failure) => {
    failed();
    return wait(...failure);
  };
  const media = stream ? 'text/event-stream' : 'application/json';
  const body = { bundle, inv: sealed.token };
  // All tries together: the last one has what is left.
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(late(responder, timeoutMs)), timeoutMs);
  const until = AbortSignal.any([over.signal, ...(signal === undefined ? [] : [signal])]);
  const call = { body, media, idempotencyKey: newIdempotencyKey(), signal: until, timeoutMs, again } as const;
  try {
    const reply = await session.transport.exchange('invocation.run', responder, trust, call, (arrival) =>
      readReply(arrival, { media, idleMs }),
    );
    return { question, reply };
  } catch (error) {
    rsp.wipe();
    throw error;
  } finally {
    // What still arrives of a stream may take longer.
    clearTimeout(timer);
  }
}

function late({ url }: Question['responder'], timeoutMs: number): BullaError {
  return transportFailed(`${url.origin} did not answer within ${timeoutMs / 1000} s`);
}

/** A responder that still knows all it ran says so of what came too late; one whose memory was restored does not. */
function neverRan({ envelope }: Question, error: unknown): boolean {
  if (!(error instanceof BullaError) || error.origin !== 'responder') return false;
  // An envelope for several questions may be used up. Of a question that it knows, a responder does not say so.
  return error.code === 'envelope_expired' || (envelope.kind === 'chat' && error.code === 'envelope_replayed');
}

/**
 * Whether the very first try was refused for a key, before anything ran, and there is a newer directory than the one it
 * was sealed by. After a try whose end is not known, such a refusal says nothing about that one.
 */
async function wasBehind({ keeper }: Session, { trust }: Question, error: unknown): Promise<boolean> {
  if (!(isAboutKeys(error) && (error as BullaError).origin === 'responder')) return false;
  return (await keeper.refresh()).directoryRef.hash !== trust.directoryRef.hash;
}

async function* receive<Asked extends Question>(
  session: Session,
  question: Asked,
  reply: IncomingReply,
  { signal, stream }: Pick<Inquiry<Asked>, 'signal' | 'stream'>,
): AnswerChunks<AnswerTo<Asked>> {
  const { responder, sealed, rsp, jti } = question;
  const opener = await checked(() =>
    ReplyOpener.start({ rsp, head: reply.head, expect: { iss: responder.urn, irt: { jti, rh: sealed.rh } } }),
  );
  const deltas: Bytes[] = [];
  const lines = new LineReader();
  const held: CompletionChunk[] = [];
  // A stream may be long: its chunks are not kept beside its bytes.
  const all: CompletionChunk[] | undefined = stream ? undefined : [];
  let fin: string | undefined;
  try {
    for await (const { kind, bytes } of reply.parts) {
      if (kind === 'final') {
        fin = await checked(() => opener.openFinal(bytes));
        break;
      }
      const delta = await checked(() => opener.openFrame(bytes));
      deltas.push(delta);
      const chunks = await checked(() => [...lines.read(delta)].map(parseChunk));
      all?.push(...chunks);
      const told: CompletionChunk[] = [];
      for (const chunk of chunks) {
        // guard: client-calls-held without: told.push(chunk);
        if (held.length > 0 || actsOrEnds(chunk)) held.push(chunk);
        else told.push(chunk);
      }
      if (told.length > 0) yield told;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof BullaError && error.code === 'transport_failed' ? truncated(error) : error;
  }
  if (fin === undefined) throw truncated();
  const answer = await finish(session, question, { fin, head: reply.head, deltas, opener, chunks: all });
  yield held;
  // An answer that failed may end within a line: only of one that did not is the last line read, before it is handed out.
  const last = await checked(() => [...lines.end()].map(parseChunk));
  all?.push(...last);
  yield last;
  return answer;
}

/** Whether there is more in a chunk than text to be shown: a call of a tool, or an end. */
export function actsOrEnds({ choices }: CompletionChunk): boolean {
  return choices.some(
    ({ delta, finish_reason: reason }) =>
      delta.tool_calls !== undefined || delta['function_call'] !== undefined || Boolean(reason), // guard: client-end-held
  );
}

interface Received {
  readonly fin: string;
  readonly head: Bytes;
  readonly deltas: readonly Bytes[];
  readonly opener: ReplyOpener;
  /** What the deltas say, where that is kept. */
  readonly chunks: readonly CompletionChunk[] | undefined;
}

/** Verifies the signed end by the newest directory we have, and finds the one that the responder signed. */
async function finish<Asked extends Question>(
  session: Session,
  question: Asked,
  { fin, head, deltas, opener, chunks }: Received,
): Promise<AnswerTo<Asked>> {
  const { bundle, envelope, sealed, jti } = question;
  const irt = { jti, rh: sealed.rh, ih: sealed.ih };
  const { dir } = opener.fin.claims;
  const isNamed = ({ directoryRef }: Trust) => directoryRef.hash === dir.hash;
  // The responder may be a publication ahead of us; or we are by now, of what it knew when it answered.
  let newest = await session.keeper.current();
  if (![question.trust, newest].some(isNamed)) newest = await session.keeper.refresh();
  const named = [question.trust, newest].find(isNamed);
  // guard: client-fin without: const { claims } = opener.fin;
  const claims = await checked(() =>
    verifyFin(opener.fin, {
      trust: newest,
      now: session.now(),
      envelope: envelope.claims,
      envelopeToken: bundle.env,
      irt,
      head,
      transcript: opener.transcript,
    }),
  );
  await checked(() => requireReplyHead(claims, named ?? newest));
  if (claims.checkpoint !== undefined) await session.told.keep(claims.checkpoint);
  if (claims.finish === 'error') throw sealedProblem(claims.err);
  // guard: client-fin-directory
  if (named === undefined) {
    const message = 'the responder answered under a directory that the vault does not show';
    throw bullaError('trust_rollback', { message, check: 'reply-directory', origin: 'client' });
  }
  const { tags, fresh, env } = bundle;
  const parts = { documents: named.documents, tags, fresh, envelope: env, head, deltas, fin };
  return checked(() => new Answer(parts, sealed.inner, claims, chunks));
}
