import type { ProblemCode } from '@bulla/contract';
import { PROBLEMS } from '@bulla/contract';
import type { Bundle, FinClaims, InvocationClaims, ResolvedTag, SealedInvocation, Trust, VerifiedEnvelope } from '@bulla/crypto';
import { checkBundleForAsker, encodeBase64url, mintId, parseBundle, randomBytes, sealInvocation, Secret, tokenHash, verifyFin } from '@bulla/crypto';
import { ReplyOpener } from '@bulla/crypto/open';
import { Answer } from './answer.js';
import { bullaError, checked } from './errors.js';
import { readReply } from './reply-reader.js';
import type { Session } from './session.js';
import { responderOf, vaultOf } from './session.js';
import { TextReader } from './text-reader.js';
import type { Service } from './transport.js';
import { newIdempotencyKey } from './transport.js';
import { seqOf } from './trust-store.js';

export interface RunOptions {
  /** Which version: a number or a label; the label `production` unless given. */
  readonly version?: number | undefined;
  readonly label?: string | undefined;
  /** The asker's own messages, where the prompt takes some. */
  readonly messages?: InvocationClaims['messages'] | undefined;
  readonly maxOutputTokens?: number | undefined;
  readonly temperature?: number | undefined;
  /** URN of the responder; the first of the directory unless given. */
  readonly responder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for the first byte of an answer; 10 minutes unless given, since a whole answer comes only when it is done. */
  readonly timeoutMs?: number | undefined;
}

/** What a stream yields: text as it is authenticated, and at the end, once, the verified answer. */
export type RunEvent = { readonly text: string; readonly answer?: undefined } | { readonly answer: Answer; readonly text?: undefined };

const DEFAULT_LABEL = 'production';
const QUESTION_LIFE_SECONDS = 120;
const ANSWER_TIMEOUT_MS = 600_000;

interface Question {
  readonly bundle: Bundle;
  readonly envelope: VerifiedEnvelope & { readonly kind: 'prompt' };
  readonly resolved: ResolvedTag;
  readonly sealed: SealedInvocation;
  readonly jti: string;
  readonly rsp: Secret;
  readonly responder: Service;
}

/**
 * Runs a prompt and yields its answer piece by piece. Text before the last event is authentic to this question but
 * not yet signed: show it, do not act on it. The iteration ends with the verified answer or throws.
 * @throws {BullaError} what vault, responder or model refused; stream_truncated for anything but a verified end
 */
export async function* runPrompt(session: Session, name: string, vars: Readonly<Record<string, string>>, stream: boolean, options: RunOptions): AsyncGenerator<RunEvent> {
  const trust = await session.keeper.current();
  const question = await ask(session, trust, name, vars, stream, options);
  try {
    yield* receive(session, trust, question, options);
  } finally {
    question.rsp.wipe();
  }
}

/** An envelope, checked before anything of the question exists; then the question, sealed to the responder. */
async function ask(session: Session, trust: Trust, name: string, vars: Readonly<Record<string, string>>, stream: boolean, options: RunOptions): Promise<Question> {
  const { identity, keeper, transport, now } = session;
  const responder = responderOf(session, trust, options.responder);
  const choice = options.version === undefined ? { label: options.label ?? DEFAULT_LABEL } : { version: options.version };
  const request = newIdempotencyKey();
  const body = { name, ...choice, aud: responder.urn };
  const answer = await transport.call('envelope.issue', vaultOf(session, trust), trust, { body, idempotencyKey: request, signal: options.signal });
  const seen = await keeper.seen(name);
  const label = choice.label ?? 'latest';
  const { bundle, envelope, resolved } = await checked(async () => {
    const parsed = parseBundle(answer);
    const wanted = { name, ...choice, sub: seen?.sub, minSeq: seqOf(seen, label) };
    const asker = { urn: identity.urn, kid: identity.signer.kid };
    return { bundle: parsed, ...(await checkBundleForAsker(parsed, { trust, now: now(), asker, audience: responder.urn, request, wanted })) };
  });
  if (seen !== undefined && seen.sub !== resolved.sub) session.notice(`${name} is another prompt than before: it was deleted and made again`);
  await keeper.remember(resolved);
  const rsp = new Secret(randomBytes(32));
  const jti = mintId('inv');
  const recipient = trust.activeKeys(responder.urn, 'unwrap', now())[0];
  if (recipient === undefined) throw bullaError('key_unknown', { message: 'the responder has no active encryption key', origin: 'client' });
  const iat = now();
  const claims: InvocationClaims = {
    iss: identity.urn,
    aud: responder.urn,
    iat,
    exp: iat + QUESTION_LIFE_SECONDS,
    jti,
    purpose: 'prompt.invoke',
    name,
    env: { jti: envelope.claims.jti, hash: await tokenHash(bundle.env) },
    dir: trust.directoryRef,
    rsp: encodeBase64url(rsp.reveal()),
    vars: { ...vars },
    messages: [...(options.messages ?? [])],
    opt: {
      stream,
      privacy: 'padded',
      ...(options.maxOutputTokens !== undefined && { max_output_tokens: options.maxOutputTokens }),
      ...(options.temperature !== undefined && { temperature: options.temperature }),
    },
  };
  const sealed = await checked(() => sealInvocation(claims, identity.signer, recipient));
  return { bundle, envelope, resolved, sealed, jti, rsp, responder };
}

async function* receive(session: Session, trust: Trust, question: Question, options: RunOptions): AsyncGenerator<RunEvent> {
  const { responder, sealed, bundle, rsp, jti } = question;
  const irt = { jti, rh: sealed.rh };
  const { response } = await session.transport.exchange('invocation.run', responder, trust, {
    body: { bundle, inv: sealed.token },
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? ANSWER_TIMEOUT_MS,
  });
  const deltas: Uint8Array<ArrayBuffer>[] = [];
  const text = new TextReader();
  let head: Uint8Array<ArrayBuffer> | undefined;
  let opener: ReplyOpener | undefined;
  for await (const { kind, bytes } of readReply(response)) {
    if (kind === 'head') {
      if (opener !== undefined) throw truncated();
      head = bytes;
      opener = await checked(() => ReplyOpener.start({ rsp, head: bytes, expect: { iss: responder.urn, irt } }));
    } else if (opener === undefined || head === undefined) throw truncated();
    else if (kind === 'frame') {
      const delta = await checked(() => opener?.openFrame(bytes) ?? Promise.reject(truncated()));
      deltas.push(delta);
      const piece = await checked(() => text.read(delta));
      if (piece !== '') yield { text: piece };
    } else {
      const fin = await checked(() => opener?.openFinal(bytes) ?? Promise.reject(truncated()));
      yield { answer: await finish(session, question, fin, head, deltas, opener) };
      return;
    }
  }
  throw truncated();
}

/** Verifies the signed end against the directory it names, which may be newer than ours. */
async function finish(session: Session, question: Question, fin: string, head: Uint8Array<ArrayBuffer>, deltas: readonly Uint8Array<ArrayBuffer>[], opener: ReplyOpener): Promise<Answer> {
  const { bundle, envelope, resolved, sealed, jti } = question;
  const irt = { jti, rh: sealed.rh, ih: sealed.ih };
  const verify = (trust: Trust): Promise<FinClaims> =>
    checked(() =>
      verifyFin(fin, { trust, now: session.now(), envelope: envelope.claims, envelopeToken: bundle.env, irt, head, transcript: opener.transcript }),
    );
  let trust = await session.keeper.current();
  let claims = await verify(trust);
  if (claims.dir.hash !== trust.directoryRef.hash) {
    trust = await session.keeper.refresh();
    claims = await verify(trust);
  }
  if (claims.dir.hash !== trust.directoryRef.hash) {
    throw bullaError('trust_rollback', { message: 'the responder answered under another directory than the newest', check: 'reply-directory', origin: 'client' });
  }
  if (claims.finish === 'error') {
    throw bullaError((claims.err?.code ?? 'internal') as Parameters<typeof bullaError>[0], {
      message: `the responder could not answer: ${PROBLEMS[claims.err?.code as ProblemCode]?.title ?? PROBLEMS.internal.title}`,
      origin: claims.err?.code.startsWith('upstream_') === true ? 'provider' : 'responder',
    });
  }
  return new Answer({ documents: trust.documents, tags: bundle.tags, envelope: bundle.env, head, deltas, fin }, sealed.inner, claims, resolved);
}

function truncated() {
  return bullaError('stream_truncated', { message: 'the answer ended before its signed end; what came is not a whole answer', check: 'reply-final', origin: 'client' });
}
