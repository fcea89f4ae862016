import type { Finding } from './answer-finding.js';
import { countOf, tampered } from './answer-finding.js';
import type { Bytes } from '../encoding/bytes.js';
import { decodeBase64url, tokenHash } from '../encoding/bytes.js';
import { verifyJws } from '../tokens/compact.js';
import { countSignatures, documentSignatures } from '../tokens/document.js';
import { SKEW_SECONDS } from '../names/limits.js';
import { secondsOf } from '../tokens/document-times.js';
import type { VerifiedEnvelope } from '../run/envelope.js';
import { parseEnvelope, verifyEnvelope } from '../run/envelope.js';
import { CryptoError } from '../names/errors.js';
import type { Evidence } from './evidence.js';
import { fingerprint } from '../keys/fingerprint.js';
import { parseHead } from '../run/frames.js';
import type { FinClaims } from '../run/reply.js';
import { parseFin, RUN_MAX_SECONDS, verifyFinItself } from '../run/reply.js';
import { verifyReplyCheckpoint } from '../run/reply-checkpoint.js';
import { parseRoot } from '../organisation/root.js';
import { Transcript } from '../tokens/transcript.js';
import { Trust } from '../organisation/trust.js';

/** The documents of an answer, and whose keys they are of. */
export interface AnswerTrust {
  readonly trust: Trust;
  /** Of the roots under which policy and directory count: `development` where one of the two is. */
  readonly profile: Trust['profile'];
}

/** The organisation's documents from the pin on, however old, policy and directory under the root they state. */
export async function checkTrust(evidence: Evidence, pin: string, now: number): Promise<Finding<AnswerTrust>> {
  const { root: roots, policy, directory } = evidence;
  const { org } = (await parseRoot(roots[0] ?? '').catch(rethrowAsChanged)).payload;
  const documents = { roots, policy, directory };
  const trust = await Trust.establish(documents, { org, pin, now, acceptExpired: true, underStatedRoot: true }).catch(
    rethrowAsChanged,
  );
  const { version, issued } = trust.directory;
  const expired = now >= trust.expiresAt ? ', expired since' : '';
  const stated = [trust.policy, trust.directory].map((document) => roots[document.root_version - 1] ?? '');
  const profiles = (await Promise.all(stated.map((token) => parseRoot(token)))).map(({ payload }) => payload.profile);
  // guard: answer-profile without: const profile = trust.profile;
  const profile = profiles.includes('development') ? 'development' : 'production';
  const under = [...new Set([trust.policy.root_version, trust.directory.root_version])].join(' and ');
  return {
    value: { trust, profile },
    detail: `policy ${trust.policy.version} and directory ${version} of ${org}, issued ${issued}${expired}, under ${profile} root ${under} of ${roots.length}`,
    against: `pin ${pin}`,
    at: now,
  };
}

/**
 * Evidence has no memory and brings its own keys: there a version that does not fit and an invalid key mean that
 * the file was changed, and not that somebody is held back or made a bad key.
 */
function rethrowAsChanged(error: unknown): never {
  if (!(error instanceof CryptoError)) throw error;
  const { code, message, check } = error;
  const options = { cause: error, ...(check !== undefined && { check }) };
  if (code === 'key_invalid') throw new CryptoError('token_malformed', message, options);
  if (code === 'trust_rollback') throw new CryptoError('envelope_tampered', message, options);
  throw error;
}

/**
 * Thresholds are met without a surplus signature; here each must be good, so that no byte of the evidence is idle. An
 * ES256 signature has a second spelling, which says the same (docs/spec/evidence.md).
 */
export async function checkDocumentSignatures({ documents }: Trust): Promise<Finding<void>> {
  const roots = await Promise.all(documents.roots.map((token) => parseRoot(token)));
  const keys = Object.assign(
    {},
    ...roots.map(({ payload }) => payload.keys),
  ) as (typeof roots)[number]['payload']['keys'];
  const anyKey = { kids: Object.keys(keys), threshold: 1 };
  let count = 0;
  const { policy, directory } = documents;
  const others = [documentSignatures(policy, 'bulla-policy'), documentSignatures(directory, 'bulla-directory')];
  for (const document of [...roots, ...others]) {
    if ((await countSignatures(document, anyKey, keys)) !== document.signatures.length) {
      throw new CryptoError('signature_invalid', 'a document carries a signature that is not good');
    }
    count += document.signatures.length;
  }
  return {
    value: undefined,
    detail: `all ${count} signatures of the documents are good`,
    against: 'the keys of the roots in the file',
  };
}

/** Envelope and reply, before anything they state is used; a signer who is not listed is refused by name later. */
export async function checkSignatures(evidence: Evidence, trust: Trust): Promise<Finding<void>> {
  const signed = [
    ['envelope-signature', parseEnvelope(evidence.envelope)],
    ['reply-signature', parseFin(evidence.fin)],
  ] as const;
  for (const [check, parsed] of signed) {
    const holder = trust.holder(parsed.header.kid);
    // guard: answer-signatures-first
    if (holder !== undefined) await verifyJws(parsed, holder.record, check);
  }
  return { value: undefined, detail: 'envelope and reply are unchanged', against: directoryName(trust) };
}

/** The envelope under the keys of that time: at its end or, if that came first, when the reply was signed. */
export async function checkEnvelope(evidence: Evidence, trust: Trust): Promise<Finding<VerifiedEnvelope>> {
  const parsed = parseEnvelope(evidence.envelope);
  const { aud, exp } = parsed.claims;
  const repliedAt = parseFin(evidence.fin).claims.iat;
  const at = Math.min(repliedAt, exp);
  const envelope = await verifyEnvelope(parsed, { trust, now: at, audience: aud });
  // guard: answer-envelope-late
  if (repliedAt > exp + RUN_MAX_SECONDS) {
    throw new CryptoError('envelope_expired', 'the reply was signed long after its envelope', {
      check: 'envelope-times',
    });
  }
  const { iss, sub } = envelope.claims;
  return { value: envelope, detail: `issued by ${iss} to ${sub} for ${aud}`, against: directoryName(trust), at };
}

/**
 * The fin over envelope, head and deltas, signed by a key that this very directory lists. Its `iat` is the
 * responder's word, so it must lie within the directory's life.
 */
export async function checkReply(
  evidence: Evidence,
  deltas: readonly Bytes[],
  trust: Trust,
  envelope: VerifiedEnvelope,
  now: number,
): Promise<Finding<FinClaims>> {
  const head = decodeBase64url(evidence.head);
  const parsed = parseFin(evidence.fin);
  const repliedAt = parsed.claims.iat;
  if (repliedAt > now + SKEW_SECONDS) {
    throw new CryptoError('clock_skew', 'the reply is from the future', { check: 'reply-time' });
  }
  const transcript = new Transcript();
  for (const delta of deltas) transcript.add(delta);
  const ih = evidence.invocation === undefined ? undefined : await tokenHash(evidence.invocation);
  const claims = await verifyFinItself(evidence.fin, {
    trust,
    now: repliedAt,
    envelope: envelope.claims,
    envelopeToken: evidence.envelope,
    irt: { ...parseHead(head).irt, ih },
    head,
    transcript: transcript.summary(),
  }).catch(rethrowAsChanged);
  // guard: answer-directory
  if (claims.dir.ver !== trust.directoryRef.ver || claims.dir.hash !== trust.directoryRef.hash) {
    throw tampered('reply-directory', 'the responder signed another directory');
  }
  const { issued, expires } = trust.directory;
  // guard: answer-time
  if (repliedAt < secondsOf(issued) - SKEW_SECONDS || repliedAt > secondsOf(expires) + RUN_MAX_SECONDS) {
    throw tampered('reply-time', 'the reply is not of the time of its directory');
  }
  return {
    value: claims,
    detail: `signed by ${claims.iss} with key ${fingerprint(parsed.header.kid)} over ${countOf(claims.n)}, ${claims.bytes} bytes, finish ${claims.finish}`,
    against: `envelope, head and pieces of the file, ${directoryName(trust)}`,
    at: repliedAt,
  };
}

/** The checkpoint that the reply carries is of the log of its responder, by a key that this very directory lists. */
export async function checkCheckpoint(
  note: string,
  { iss: responder }: FinClaims,
  trust: Trust,
): Promise<Finding<void>> {
  const { origin, size } = await verifyReplyCheckpoint(note, { trust, responder });
  return {
    value: undefined,
    detail: `${origin} had ${size} ${size === 1 ? 'entry' : 'entries'}`,
    against: `the keys for checkpoints of ${directoryName(trust)}`,
  };
}

/** The reply carries none, and its responder had a key to sign one: told, since answers from before there were such carry none. */
export function missingHead({ iss: responder }: FinClaims, trust: Trust): Finding<void> {
  return {
    value: undefined,
    detail: `the reply says nothing of the log of ${responder}, and the directory lists a key for its checkpoints`,
    against: `the keys for checkpoints of ${directoryName(trust)}`,
    isNotLookedFor: true,
  };
}

/** A member that a reader sees is what the tokens say. */
export function checkMember(actual: unknown, expected: unknown, what: string): Finding<void> {
  // guard: answer-member
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new CryptoError('envelope_tampered', `${what} is not what the responder signed`);
  }
  return { value: undefined, detail: `${what} is what the responder signed`, against: 'envelope, pieces and reply' };
}

/** The directory of an answer, for people. */
export function directoryName({ directory }: Trust): string {
  return `directory ${directory.version} of ${directory.issued}`;
}
