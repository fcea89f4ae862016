import { PROBLEMS, ProblemCode } from '@bulla/contract';
import type { Bytes, Trust } from '@bulla/crypto';
import { parseFin, verifyFin } from '@bulla/crypto';
import { ReplyOpener } from '@bulla/crypto/open';
import { Answer } from './answer.js';
import { BullaError, bullaError, checked } from './errors.js';
import type { Asking, Question } from './question.js';
import { ask } from './question.js';
import { readReply } from './reply-reader.js';
import type { Session } from './session.js';
import { TextReader } from './text-reader.js';

export interface RunOptions extends Omit<Asking, 'name' | 'vars' | 'stream'> {
  /** Longest wait for an answer, or for the beginning of one in parts; 10 minutes unless given. */
  readonly timeoutMs?: number | undefined;
}

/** What a stream yields: text as it is authenticated, and at the end, once, the verified answer. */
export type RunEvent =
  | { readonly text: string; readonly answer?: undefined }
  | { readonly answer: Answer; readonly text?: undefined };

const ANSWER_TIMEOUT_MS = 600_000;

/**
 * Runs a prompt, yields the text of its answer piece by piece and returns the verified answer, or throws. Text that is
 * yielded is authentic to this question but not yet signed: show it, do not act on it.
 * @throws {BullaError} what vault, responder or model refused; stream_truncated for anything but a verified end; the
 *   signal's reason if it aborts
 */
export async function* runPrompt(
  session: Session,
  asking: Asking,
  timeoutMs = ANSWER_TIMEOUT_MS,
): AsyncGenerator<string, Answer, undefined> {
  const question = await ask(session, asking);
  try {
    return yield* receive(session, question, asking.signal, timeoutMs);
  } finally {
    question.rsp.wipe();
  }
}

async function* receive(
  session: Session,
  question: Question,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): AsyncGenerator<string, Answer, undefined> {
  const { responder, sealed, bundle, rsp, jti, trust } = question;
  const call = { body: { bundle, inv: sealed.token }, signal, timeoutMs };
  // Until a head is there, every try sends the same question again: the responder answers it at most once (§6).
  const reply = await session.transport.exchange('invocation.run', responder, trust, call, ({ response }) =>
    readReply(response),
  );
  const opener = await checked(() =>
    ReplyOpener.start({ rsp, head: reply.head, expect: { iss: responder.urn, irt: { jti, rh: sealed.rh } } }),
  );
  const deltas: Bytes[] = [];
  const text = new TextReader();
  let fin: string | undefined;
  try {
    for await (const { kind, bytes } of reply.parts) {
      if (kind === 'final') {
        fin = await checked(() => opener.openFinal(bytes));
        break;
      }
      const delta = await checked(() => opener.openFrame(bytes));
      deltas.push(delta);
      const piece = await checked(() => text.read(delta));
      if (piece !== '') yield piece;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof BullaError && error.code === 'transport_failed' ? truncated(error) : error;
  }
  if (fin === undefined) throw truncated();
  const answer = await finish(session, question, { fin, head: reply.head, deltas, opener });
  const rest = text.end();
  if (rest !== '') yield rest;
  return answer;
}

interface Received {
  readonly fin: string;
  readonly head: Bytes;
  readonly deltas: readonly Bytes[];
  readonly opener: ReplyOpener;
}

/** Verifies the signed end by the newest directory we have, and finds the one that the responder signed. */
async function finish(session: Session, question: Question, { fin, head, deltas, opener }: Received): Promise<Answer> {
  const { bundle, envelope, resolved, sealed, jti } = question;
  const irt = { jti, rh: sealed.rh, ih: sealed.ih };
  const { dir } = (await checked(() => parseFin(fin))).claims;
  const isNamed = ({ directoryRef }: Trust) => directoryRef.hash === dir.hash;
  // The responder may be a publication ahead of us; or we are by now, of what it knew when it answered.
  let newest = await session.keeper.current();
  if (![question.trust, newest].some(isNamed)) newest = await session.keeper.refresh();
  const named = [question.trust, newest].find(isNamed);
  const claims = await checked(() =>
    verifyFin(fin, {
      trust: newest,
      now: session.now(),
      envelope: envelope.claims,
      envelopeToken: bundle.env,
      irt,
      head,
      transcript: opener.transcript,
    }),
  );
  if (claims.finish === 'error') throw sealedProblem(claims.err?.code);
  if (named === undefined) {
    const message = 'the responder answered under a directory that the vault does not show';
    throw bullaError('trust_rollback', { message, check: 'reply-directory', origin: 'client' });
  }
  const parts = { documents: named.documents, tags: bundle.tags, envelope: bundle.env, head, deltas, fin };
  return checked(() => new Answer(parts, sealed.inner, claims, resolved));
}

/** What the responder says inside a sealed answer that could not be given. */
function sealedProblem(said: string | undefined): BullaError {
  const { data: code = 'internal' } = ProblemCode.safeParse(said);
  const { title, status, retryable } = PROBLEMS[code];
  return bullaError(code, {
    message: title,
    status,
    retryable,
    origin: code.startsWith('upstream_') ? 'provider' : 'responder',
  });
}

function truncated(cause?: unknown): BullaError {
  return bullaError('stream_truncated', {
    message: 'the answer ended before its signed end; what came is not a whole answer',
    check: 'reply-final',
    origin: 'client',
    cause,
  });
}
