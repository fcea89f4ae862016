import type { Bytes } from './bytes.js';
import { decodeBase64url, tokenHash } from './bytes.js';
import { SKEW_SECONDS } from './claims.js';
import { verifyJws } from './compact.js';
import { parseDirectory } from './directory.js';
import { countSignatures } from './document.js';
import { secondsOf } from './document-times.js';
import type { VerifiedEnvelope } from './envelope.js';
import { parseEnvelope, verifyEnvelope } from './envelope.js';
import { CryptoError } from './errors.js';
import type { Evidence } from './evidence.js';
import { fingerprint } from './fingerprint.js';
import { parseHead } from './frames.js';
import { requireFreshPosition } from './fresh-position.js';
import { parseLabelFreshness } from './freshness.js';
import { urnOf } from './ids.js';
import type { InvocationClaims } from './invocation.js';
import { checkAsker, parseInnerInvocation, verifyInvocation } from './invocation.js';
import { parsePolicy } from './policy.js';
import type { FinClaims } from './reply.js';
import { parseFin, verifyFin } from './reply.js';
import { parseRoot } from './root.js';
import { parseTag } from './tag.js';
import type { ResolvedTag } from './tag-set.js';
import { verifyTags } from './tag-set.js';
import { Transcript } from './transcript.js';
import { Trust } from './trust.js';

/** What a check found, and how to say it. */
export interface Finding<Value> {
  readonly value: Value;
  readonly detail: string;
}

/** How long after the end of its envelope or directory a reply may be signed: a run that began in time goes on. */
const RUN_MAX_SECONDS = 3600;

/** The organisation's documents from the pin on, however old, policy and directory under the root they state. */
export async function checkTrust(evidence: Evidence, pin: string, now: number): Promise<Finding<Trust>> {
  const { root: roots, policy, directory } = evidence;
  const { org } = (await parseRoot(roots[0] ?? '').catch(rethrowAsChanged)).payload;
  const documents = { roots, policy, directory };
  const trust = await Trust.establish(documents, { org, pin, now, acceptExpired: true, underStatedRoot: true }).catch(
    rethrowAsChanged,
  );
  const { version, issued } = trust.directory;
  const expired = now >= trust.expiresAt ? ', expired since' : '';
  return {
    value: trust,
    detail: `${trust.profile} root 1 to ${roots.length} of ${org}, policy ${trust.policy.version}, directory ${version} issued ${issued}${expired}`,
  };
}

/**
 * Evidence has no memory and brings its own keys: there a version that does not fit and a key that is none mean that
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

/** Thresholds are met without a surplus signature; here each must be good, so that no byte of the evidence is idle. */
export async function checkDocumentSignatures({ documents }: Trust): Promise<Finding<void>> {
  const roots = await Promise.all(documents.roots.map(parseRoot));
  const keys = Object.assign(
    {},
    ...roots.map(({ payload }) => payload.keys),
  ) as (typeof roots)[number]['payload']['keys'];
  const anyKey = { kids: Object.keys(keys), threshold: 1 };
  let count = 0;
  for (const document of [...roots, await parsePolicy(documents.policy), await parseDirectory(documents.directory)]) {
    if ((await countSignatures(document, anyKey, keys)) !== document.signatures.length) {
      throw new CryptoError('signature_invalid', 'a document carries a signature that is not good');
    }
    count += document.signatures.length;
  }
  return { value: undefined, detail: `all ${count} signatures of the documents are good` };
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
  return { value: undefined, detail: 'envelope and reply are unchanged' };
}

/** The envelope under the keys of that time: at its end or, if that came first, when the reply was signed. */
export async function checkEnvelope(evidence: Evidence, trust: Trust): Promise<Finding<VerifiedEnvelope>> {
  const { aud, exp } = parseEnvelope(evidence.envelope).claims;
  const repliedAt = parseFin(evidence.fin).claims.iat;
  const envelope = await verifyEnvelope(evidence.envelope, { trust, now: Math.min(repliedAt, exp), audience: aud });
  // guard: answer-envelope-late
  if (repliedAt > exp + RUN_MAX_SECONDS) {
    throw new CryptoError('envelope_expired', 'the reply was signed long after its envelope', {
      check: 'envelope-times',
    });
  }
  return { value: envelope, detail: `issued by ${envelope.claims.iss} to ${envelope.claims.sub} for ${aud}` };
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
  const claims = await verifyFin(evidence.fin, {
    trust,
    now: repliedAt,
    envelope: envelope.claims,
    envelopeToken: evidence.envelope,
    irt: { ...parseHead(head).irt, ih },
    head,
    transcript: await transcript.summary(),
  });
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
  };
}

/**
 * The tags that the policy wants show which prompt the name stands for, and its content. Whoever named a bare version
 * got the tags of `latest`, which may have moved on: then they show the prompt alone. Their expiry is said, not judged.
 */
export async function checkTags(
  evidence: Evidence,
  fin: FinClaims,
  trust: Trust,
  envelope: VerifiedEnvelope,
): Promise<Finding<void>> {
  const { tags } = evidence;
  if (fin.purpose === 'chat.reply') {
    if (tags.length > 0) throw tampered('tag-count', 'a chat has no tags');
    return { value: undefined, detail: 'a chat without a stored prompt' };
  }
  const { prm, iat } = fin;
  const label = tags[0] === undefined ? 'latest' : parseTag(tags[0]).claims.tag;
  const tag = await verifyTags(tags, { trust, name: prm.name, label, now: iat, acceptExpired: true });
  // guard: answer-tag-prompt
  if (tag.sub !== urnOf(trust.org, 'prompt', prm.id)) {
    throw tampered('tag-prompt', 'the name stands for another prompt');
  }
  const age = tag.expiresAt <= envelope.claims.iat ? ', expired when the question was asked' : '';
  const who = `${tag.signers.length} signed it${age}, ${await newestThen(tag, evidence, trust, envelope.claims.iat)}`;
  if (label === 'latest' && tag.version > prm.ver) {
    return {
      value: undefined,
      detail: `version ${prm.ver} was named by its number: the label latest, at ${tag.version}, shows the prompt and not this content; ${who}`,
    };
  }
  // guard: answer-tag-version
  if (tag.version !== prm.ver || tag.chash !== prm.chash) {
    throw tampered('tag-version', 'the label names another version');
  }
  return { value: undefined, detail: `${prm.name} version ${prm.ver} bore the label ${label}; ${who}` };
}

/** Whether anybody said that the position was the newest when the question was asked: a finding, which decides nothing. */
async function newestThen(tag: ResolvedTag, { fresh = [] }: Evidence, trust: Trust, asked: number): Promise<string> {
  try {
    const { token } = await requireFreshPosition(tag, fresh, { trust, now: asked });
    const by = token === undefined ? 'they signed it lately' : `${parseLabelFreshness(token).claims.iss} says so`;
    return `it was the newest then: ${by}`;
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return 'nothing here shows that it was the newest then';
  }
}

/** The question, where the asker shows it: signed by the asker the envelope names, and the one that was answered. */
export async function checkQuestion(
  evidence: Evidence,
  fin: FinClaims,
  trust: Trust,
  envelope: VerifiedEnvelope,
): Promise<Finding<InvocationClaims | undefined>> {
  if (evidence.invocation === undefined) {
    return { value: undefined, detail: 'answer to a question whose content only the asker can show' };
  }
  const inner = parseInnerInvocation(evidence.invocation);
  const { claims } = inner;
  const now = Math.min(fin.iat, claims.exp);
  const context = { trust, now, envelope: envelope.claims, envelopeHash: envelope.hash, audience: fin.iss };
  await verifyInvocation(inner, context);
  // guard: answer-asker
  checkAsker(inner, context);
  // guard: answer-question-id
  if (claims.jti !== fin.irt.jti) throw tampered('invocation-id', 'another question was answered');
  // guard: answer-act
  if (claims.act !== fin.act) throw tampered('reply-act', 'the reply names another API key than the question');
  return { value: claims, detail: `asked by ${claims.iss}` };
}

/** A member that a reader sees is what the tokens say. */
export function checkMember(actual: unknown, expected: unknown, what: string): Finding<void> {
  // guard: answer-member
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new CryptoError('envelope_tampered', `${what} is not what the responder signed`);
  }
  return { value: undefined, detail: `${what} is what the responder signed` };
}

function tampered(check: string, message: string): CryptoError {
  return new CryptoError('envelope_tampered', message, { check });
}

/** Of the pieces of an answer, for people: `1 piece`, `2 pieces`. */
export function countOf(pieces: number): string {
  return pieces === 1 ? '1 piece' : `${pieces} pieces`;
}
