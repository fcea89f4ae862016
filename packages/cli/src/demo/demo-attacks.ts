import type { Identity } from '@bulla/client';
import { ProblemDocument } from '@bulla/contract';
import type { Bundle, Trust } from '@bulla/crypto';
import type { HttpRequestParts } from '@bulla/crypto/http';
import {
  CryptoError,
  decodeUtf8,
  encodeBase64url,
  mintId,
  parseBundle,
  parseEnvelope,
  randomBytes,
  sealInvocation,
  strictParseBody,
  tokenHash,
  utf8,
  verifyAnswer,
} from '@bulla/crypto';
import { requestTargetOf, signRequest } from '@bulla/crypto/http';

/** What became of something that must be refused. */
export interface Refusal {
  /** What was tried. */
  readonly attempt: string;
  /** Who refused it, with the code and check it gave; undefined if nobody did. */
  readonly by: string | undefined;
}

const BODY_MAX_BYTES = 8 * 1024 * 1024;

/** Changes copies of an answer file, each in another place, and lets them be verified. */
export async function tamperWithAnswer(file: string, pin: string, now: number): Promise<Refusal[]> {
  const { evidence } = JSON.parse(file) as {
    evidence: { deltas: string[]; fin: string; envelope: string; tags: string[] };
  };
  const otherPin = `sha256:${(pin.at(-1) === '0' ? '1' : '0').padStart(64, pin.slice('sha256:'.length))}`;
  const attempts: [attempt: string, file: string, pin: string][] = [
    ['one letter of the text of the answer', file.replace('{"text":"', '{"text":"X'), pin],
    [
      'one byte of the sealed stream',
      replaceOnce(file, evidence.deltas[0] ?? '', flip(evidence.deltas[0] ?? '', 0.5)),
      pin,
    ],
    ["one byte of the responder's signature", replaceOnce(file, evidence.fin, flip(evidence.fin, 0.9)), pin],
    ['one byte of the envelope', replaceOnce(file, evidence.envelope, flip(evidence.envelope, 0.5)), pin],
    ['the pin of another organisation', file, otherPin],
  ];
  const refusals: Refusal[] = [];
  for (const [attempt, changed, by] of attempts)
    refusals.push({ attempt, by: refusalBy((await verifyAnswer(changed, { pin: by, now })).failure) });
  return refusals;
}

/** A question that went to a responder: what it came with, and where it went. */
export interface SentQuestion {
  readonly url: URL;
  readonly bundle: Bundle;
}

/** Records the question that an SDK sends, by standing between it and the network. */
export function recordQuestion(fetcher: typeof fetch): {
  readonly fetch: typeof fetch;
  readonly sent: () => SentQuestion | undefined;
} {
  let sent: SentQuestion | undefined;
  const recording: typeof fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.pathname.endsWith('/invocations') && init?.body instanceof Uint8Array) {
      const { bundle } = strictParseBody(new Uint8Array(init.body), { maxBytes: BODY_MAX_BYTES }) as {
        bundle: unknown;
      };
      sent = { url, bundle: parseBundle(bundle).sent };
    }
    return fetcher(input, init);
  };
  return { fetch: recording, sent: () => sent };
}

export interface Attacker {
  readonly trust: Trust;
  readonly identity: Identity;
  readonly fetch: typeof fetch;
  /** Seconds. */
  readonly now: number;
}

/** Asks again with an envelope that was used, and with one whose content is another: both rightly signed by the asker. */
export async function misuseEnvelope(attacker: Attacker, { url, bundle }: SentQuestion): Promise<Refusal[]> {
  const changed = { ...bundle, ...(bundle.content !== undefined && { content: flip(bundle.content, 0.5) }) };
  return [
    { attempt: 'the same envelope for a second question', by: await ask(attacker, url, bundle) },
    { attempt: 'the envelope with one byte of its sealed content changed', by: await ask(attacker, url, changed) },
  ];
}

/** Sends a fresh question with a bundle. @returns who refused it and why; undefined if it was answered. */
async function ask(
  { trust, identity, fetch: fetcher, now }: Attacker,
  url: URL,
  bundle: Bundle,
): Promise<string | undefined> {
  const envelope = parseEnvelope(bundle.env).claims;
  const recipient = trust.activeKeys(envelope.aud, 'unwrap', now)[0];
  if (recipient === undefined || !('prm' in envelope))
    throw new CryptoError('key_unknown', 'the responder has no active encryption key');
  const claims = {
    iss: identity.urn,
    aud: envelope.aud,
    iat: now,
    exp: now + 60,
    jti: mintId('inv'),
    purpose: 'prompt.invoke' as const,
    name: envelope.prm.name,
    env: { jti: envelope.jti, hash: await tokenHash(bundle.env) },
    dir: trust.directoryRef,
    rsp: encodeBase64url(randomBytes(32)),
    vars: {},
    messages: [],
    opt: { stream: false, privacy: 'padded' as const },
  };
  const { token } = await sealInvocation(claims, identity.signer, recipient);
  const body = utf8(JSON.stringify({ bundle, inv: token }));
  const headers = new Headers({
    accept: 'application/json, application/problem+json',
    'content-type': 'application/json',
    'idempotency-key': encodeBase64url(randomBytes(16)),
  });
  const parts: HttpRequestParts = {
    ...requestTargetOf('POST', url),
    header: (name) => headers.get(name) ?? undefined,
    body,
  };
  const signed = await signRequest(parts, {
    keyid: `${identity.urn}#${identity.signer.kid}`,
    signer: identity.signer,
    now,
  });
  for (const [name, value] of Object.entries(signed)) headers.set(name, value);
  const response = await fetcher(url, { method: 'POST', headers, body, redirect: 'error' });
  const answer = new Uint8Array(await response.arrayBuffer());
  if (response.status === 200) return undefined;
  const problem = ProblemDocument.safeParse(JSON.parse(decodeUtf8(answer)));
  return problem.success
    ? `${problem.data.origin}: ${problem.data.status} ${problem.data.code}`
    : `something answered ${response.status}`;
}

function refusalBy(failure: CryptoError | undefined): string | undefined {
  return failure && `${failure.code}, check ${failure.check}`;
}

/** The text with one character changed, at a share of its length, to another of base64url. */
function flip(text: string, share: number): string {
  const at = Math.floor(text.length * share);
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}

function replaceOnce(text: string, part: string, by: string): string {
  return text.replace(part, () => by);
}
