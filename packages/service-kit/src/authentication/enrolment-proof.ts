import type { EnrolmentRouteName } from '@bulla/contract';
import type { VerifyingKey } from '@bulla/crypto';
import { checkSignatureTimes, verifyRequestSignature } from '@bulla/crypto/http';
import type { FastifyRequest } from 'fastify';
import { stateOf } from '../edge/request-state.js';
import type { RouteEntry } from '../route/route-table.js';
import type { Signatory } from './caller.js';
import type { Credential } from './credential.js';
import type { SignatureParts } from './http-signature.js';
import { OwnKeySignature } from './own-key-signature.js';
import { provenBy, requirePoints, signatureOf } from './signed-request.js';

/**
 * A device that signs by the key it brings. Only the shape is read here: the room that can find the key verifies it, and
 * until then no answer is signed: its sender is a stranger.
 */
export class EnrolmentProof implements Credential {
  readonly #parts: Omit<SignatureParts, 'source'>;

  constructor(parts: Omit<SignatureParts, 'source'>) {
    this.#parts = parts;
  }

  /**
   * @throws {Problem} unauthenticated if it is not signed as an enrolment; validation_failed
   * @throws {CryptoError} unauthenticated, token_malformed
   */
  async judge(request: FastifyRequest, { name }: RouteEntry): Promise<void> {
    const { authorities, clock, failing, limits } = this.#parts;
    const state = stateOf(request);
    const signature = signatureOf(request, authorities);
    const verify = async (key: VerifyingKey) => {
      // guard: own-key-signature
      await failing.verify(request.ip, state.place, () => verifyRequestSignature(signature, key));
      // guard: own-key-times
      checkSignatureTimes(signature, clock.now());
      const signatory: Signatory = Object.freeze({
        org: signature.org,
        urn: signature.urn,
        kid: signature.kid,
        keyid: signature.keyid,
        kind: 'enrolment',
        ...(await provenBy(signature, request, name as EnrolmentRouteName)),
      });
      state.signatory = signatory;
      return signatory;
    };
    state.ownKey = new OwnKeySignature(signature, verify, (signatory) => requirePoints(limits, signatory, request));
  }
}
