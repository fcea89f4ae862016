import { Problem } from '@bulla/contract';
import type { RequestSignature, VerifyingKey } from '@bulla/crypto';
import { checkSignatureTimes, parseUrn, verifyRequestSignature } from '@bulla/crypto';
import type { Signatory } from './caller.js';
import type { Clock } from './clock.js';

/**
 * A signature by a key that no directory lists: of a device that asks to be let in (main-job M6). It says which
 * enrolment of which organisation it is for, and nothing in it is true until it is verified.
 */
export class OwnKeySignature {
  readonly org: string;
  readonly enrolment: string;
  readonly kid: string;
  readonly #signature: RequestSignature;
  readonly #clock: Clock;
  readonly #signatory: () => Promise<Signatory>;

  /**
   * @param signatory who signed it; asked once that is certain.
   * @throws {Problem} unauthenticated if another than an enrolment signs
   */
  constructor(signature: RequestSignature, clock: Clock, signatory: () => Promise<Signatory>) {
    const urn = parseUrn(signature.urn);
    if (urn?.kind !== 'enr') throw new Problem('unauthenticated', { detail: 'a device signs this by its own new key' });
    this.org = urn.org;
    this.enrolment = urn.id;
    this.kid = signature.kid;
    this.#signature = signature;
    this.#clock = clock;
    this.#signatory = signatory;
  }

  /**
   * Checks body, signature and times under the key that the device brought.
   * @throws {CryptoError} signature_invalid, token_malformed, clock_skew
   */
  async verify(key: VerifyingKey): Promise<Signatory> {
    await verifyRequestSignature(this.#signature, key);
    checkSignatureTimes(this.#signature, this.#clock.now());
    return this.#signatory();
  }
}
