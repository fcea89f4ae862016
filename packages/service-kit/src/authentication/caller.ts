import type { OwnKeyRouteName, SignedRouteName } from '@bulla/contract';
import type { EntityKind, Role, Trust } from '@bulla/crypto';

/** What is known of the request a caller signed. */
export interface RequestFacts {
  /** The X-Request-Id. */
  readonly id: string;
  readonly route: SignedRouteName | OwnKeyRouteName;
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** As sent, from `?` on; `?` alone without one. */
  readonly query: string;
  readonly nonce: string;
  /** Seconds: when the signature ends. */
  readonly expires: number;
  /** Present on every request with a body. */
  readonly idempotencyKey: string | undefined;
  readonly ifMatch: string | undefined;
  /** base64url SHA-256 of the raw body; of nothing without one. */
  readonly bodySha256: string;
  /** base64url SHA-256 of signature base and signature: what proves that the caller asked (protocol.md §8). */
  readonly evidence: string;
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
