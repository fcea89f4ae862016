import type { EnrolmentRouteName, SignedRouteName } from '@bulla/contract';
import type { EntityKind, Role, Trust } from '@bulla/crypto';

/** What is known of a signed request. */
export interface RequestFacts {
  /** The X-Request-Id. */
  readonly id: string;
  readonly route: SignedRouteName | EnrolmentRouteName;
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** As sent, from `?` on; `?` alone without one. */
  readonly query: string;
  /** Present on every request with a body. */
  readonly idempotencyKey: string | undefined;
  readonly ifMatch: string | undefined;
  /** base64url SHA-256 of the raw body; of nothing without one. */
  readonly bodySha256: string;
}

/** A verified signature over the request (RFC 9421). */
export interface SignatureEvidence {
  readonly type: 'signature';
  readonly nonce: string;
  /** Seconds: when the signature ends. */
  readonly expires: number;
  /** base64url SHA-256 of signature base and signature: what proves that the caller asked (protocol.md §8). */
  readonly sha256: string;
  /** The base itself (RFC 9421 §2.5), and the signature in base64url. */
  readonly base: string;
  readonly signature: string;
}

/** A secret that its bearer showed, and that no log may name. */
export interface SecretEvidence {
  readonly type: 'secret';
  /** Hexadecimal SHA-256 of the secret. */
  readonly sha256: string;
}

/** Whose verified signature a request bears: what the ledger writes down of it. */
export interface Signatory {
  readonly org: string;
  readonly urn: string;
  readonly kid: string;
  /** `urn#kid`. */
  readonly keyid: string;
  /** `enrolment` for a key that no directory lists: it has no role and no rights. */
  readonly kind: EntityKind | 'enrolment';
  readonly request: RequestFacts;
  readonly evidence: SignatureEvidence;
  /** Whether nonce and decision of the request are in the ledger. Here, and in no set of all that are: as in process/roll.ts. */
  readonly decision: { isRecorded: boolean };
}

/** Who is asking: the holder of a verified signature, with what the signed directory says of it. */
export interface Caller extends Signatory {
  readonly kind: EntityKind;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  /** URN of the person, for devices. */
  readonly user: string | undefined;
  /** The documents that all this was read from; one request is judged by one of them. */
  readonly trust: Trust;
}

/** Who brings an organisation of which nobody has a key yet. */
export interface Founder {
  readonly org: string;
  readonly kind: 'bootstrap';
  readonly request: Pick<RequestFacts, 'id'>;
  readonly evidence: SecretEvidence;
}

/** Everybody who is known when a handler is reached, by what they showed: `evidence` says which it was. */
export type Asker = Caller | Signatory | Founder;
