import { directoryName } from './answer-checks.js';
import type { Finding } from './answer-finding.js';
import { tampered } from './answer-finding.js';
import { SKEW_SECONDS } from '../names/limits.js';
import { secondsOf } from '../tokens/document-times.js';
import type { VerifiedEnvelope } from '../run/envelope.js';
import { CryptoError } from '../names/errors.js';
import type { Evidence } from './evidence.js';
import type { InvocationClaims } from '../run/question.js';
import { kindAsked } from '../run/question.js';
import { checkAsker, parseInnerInvocation, verifyInvocation } from '../run/invocation.js';
import type { FinClaims } from '../run/reply.js';
import type { Trust } from '../organisation/trust.js';

// What a responder had to see before it answered, by the answer's own documents: that the policy counted, who may ask,
// and that the version was not withdrawn.

/** The policy counted when the vault issued the envelope, by the vault's clock. */
export function checkPolicy({ claims }: VerifiedEnvelope, { policy }: Trust): Finding<void> {
  // guard: answer-policy-expired
  if (claims.iat >= secondsOf(policy.expires) + SKEW_SECONDS) {
    throw new CryptoError('trust_expired', 'the policy had expired when the question was asked', {
      check: 'policy-expired',
    });
  }
  const detail = `policy ${policy.version} counts until ${policy.expires}`;
  return { value: undefined, detail, against: `policy ${policy.version} of ${policy.issued}`, at: claims.iat };
}

/** The asker was a device of the directory, may ask, and had the key that the envelope names. */
export function checkAskerThen({ claims }: VerifiedEnvelope, trust: Trust): Finding<void> {
  const { sub, cnf, iat } = claims;
  // guard: answer-asker-listed
  if (trust.entity(sub)?.kind !== 'device') {
    throw new CryptoError('forbidden', 'the asker is no device of the directory', { check: 'asker-listed' });
  }
  // guard: answer-asker-role
  if (!trust.hasRole(sub, 'invoker')) {
    throw new CryptoError('forbidden', 'the asker is not an invoker', { check: 'asker-role' });
  }
  // guard: answer-asker-key without: const holder = { urn: sub };
  const holder = trust.requireKey(cnf.jkt, { usage: 'invocation', purpose: 'invoke', now: iat, check: 'asker-key' });
  // guard: answer-asker-holds
  if (holder.urn !== sub) throw tampered('asker-key', 'the key of the envelope is of another device than the asker');
  return { value: undefined, detail: `${sub} is an invoker, with that key`, against: directoryName(trust), at: iat };
}

/** The version was not withdrawn. */
export function checkVersion(fin: FinClaims, envelope: VerifiedEnvelope, trust: Trust): Finding<void> {
  const against = directoryName(trust);
  if (fin.purpose === 'chat.reply' || envelope.kind === 'chat') {
    return { value: undefined, detail: 'a chat without a stored prompt', against, at: fin.iat };
  }
  const { name, ver } = fin.prm;
  // guard: answer-withdrawn
  if (trust.isWithdrawn(envelope.sub, ver)) {
    throw new CryptoError('forbidden', `version ${ver} of ${name} was withdrawn`, { check: 'version-withdrawn' });
  }
  return { value: undefined, detail: `${name} version ${ver} was not withdrawn`, against, at: fin.iat };
}

/** The question, where the asker shows it: signed by the asker the envelope names, and the one that was answered. */
export async function checkQuestion(
  evidence: Evidence,
  fin: FinClaims,
  trust: Trust,
  envelope: VerifiedEnvelope,
): Promise<Finding<InvocationClaims | undefined>> {
  const against = `envelope and reply of the file, ${directoryName(trust)}`;
  if (evidence.invocation === undefined) {
    const detail = 'answer to a question whose content only the asker can show';
    return { value: undefined, detail, against, isNotLookedFor: true };
  }
  const inner = parseInnerInvocation(evidence.invocation, kindAsked(fin));
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
  return { value: claims, detail: `asked by ${claims.iss}`, against, at: now };
}
