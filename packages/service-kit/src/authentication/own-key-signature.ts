import { Problem } from '@bulla/contract';
import type { VerifyingKey } from '@bulla/crypto';
import { parseUrn } from '@bulla/crypto';
import type { RequestSignature } from '@bulla/crypto/http';
import type { Signatory } from './caller.js';

/**
 * A signature by a key that no directory lists: of a device that asks to be let in (docs/spec/enrolment.md). It says
 * which enrolment of which organisation it is for, and nothing in it is true until it is verified.
 */
export class OwnKeySignature {
  readonly org: string;
  readonly enrolment: string;
  readonly kid: string;
  readonly #verify: (key: VerifyingKey) => Promise<Signatory>;
  readonly #admit: (signatory: Signatory) => Promise<void>;

  /** @throws {Problem} unauthenticated if another than an enrolment signs */
  constructor(
    { urn, kid }: RequestSignature,
    verify: (key: VerifyingKey) => Promise<Signatory>,
    admit: (signatory: Signatory) => Promise<void>,
  ) {
    const parsed = parseUrn(urn);
    // guard: own-key-kind without: if (parsed === undefined)
    if (parsed?.kind !== 'enr') {
      throw new Problem('unauthenticated', { detail: 'a device signs this by its own new key' });
    }
    this.org = parsed.org;
    this.enrolment = parsed.id;
    this.kid = kid;
    this.#verify = verify;
    this.#admit = admit;
  }

  /**
   * Checks body, signature and times under the key that the device brought.
   * @throws {CryptoError} signature_invalid, token_malformed, clock_skew
   */
  verify(key: VerifyingKey): Promise<Signatory> {
    return this.#verify(key);
  }

  /**
   * Takes the points of the request, once it is certain that the organisation has invited its sender: strangers
   * would empty the bucket of an organisation that they only name.
   * @throws {Problem} rate_limited
   */
  admit(signatory: Signatory): Promise<void> {
    return this.#admit(signatory);
  }
}
