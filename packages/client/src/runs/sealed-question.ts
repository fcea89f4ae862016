import type { Bundle, InvocationClaims, SealedInvocation, Trust, VerifiedEnvelope } from '@bulla/crypto';
import { encodeBase64url, mintId, randomBytes, sealInvocation, Secret } from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';

/** Leave to ask, after every check of it. */
export interface Permit {
  readonly bundle: Bundle;
  readonly envelope: VerifiedEnvelope;
  readonly responder: Service;
  /** What was trusted when it was checked. */
  readonly trust: Trust;
}

/** A question sealed to its responder, and what its answer must fit. */
export interface Question extends Permit {
  readonly sealed: SealedInvocation;
  readonly jti: string;
  /** What the answer is sealed under; the caller wipes it. */
  readonly rsp: Secret;
}

type Without<Claims, Names extends string> = Claims extends unknown ? Omit<Claims, Names> : never;
/** What is asked; who asks whom, when and by which leave is added. */
export type Asked = Without<InvocationClaims, 'iss' | 'aud' | 'iat' | 'exp' | 'jti' | 'env' | 'dir' | 'rsp'>;

const LIFE_SECONDS = 120;

/**
 * Signs a question and seals it to the responder that the permit is for.
 * @throws {BullaError} key_unknown where that has no key to seal to; payload_too_large, validation_failed
 */
export async function sealQuestion(session: Session, permit: Permit, asked: Asked): Promise<Question> {
  const { identity, now } = session;
  const { trust, responder, envelope } = permit;
  const [recipient] = trust.activeKeys(responder.urn, 'unwrap', now());
  if (recipient === undefined)
    throw bullaError('key_unknown', { message: 'the responder has no active encryption key', origin: 'client' });
  const rsp = new Secret(randomBytes(32));
  const jti = mintId('inv');
  const iat = now();
  const claims: InvocationClaims = {
    iss: identity.urn,
    aud: responder.urn,
    iat,
    exp: iat + LIFE_SECONDS,
    jti,
    env: { jti: envelope.claims.jti, hash: envelope.hash },
    dir: trust.directoryRef,
    rsp: encodeBase64url(rsp.reveal()),
    ...asked,
  };
  try {
    const sealed = await checked(() => sealInvocation(claims, identity.signer, recipient));
    const { bundle } = permit;
    return { bundle, envelope, responder, trust, sealed, jti, rsp };
  } catch (error) {
    rsp.wipe();
    throw error;
  }
}
