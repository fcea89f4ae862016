import type { AskedLeaf } from './entry-fit.js';
import { misfit } from './misfit.js';

/**
 * Which requests had evidence erased, over the logs of all services that are verified together. Both kinds of service
 * erase, and a request names neither: one that was sent to one must not excuse what is missing at another.
 */
export class ErasureRequests {
  /** URN of the service, by key and nonce; owners do not erase often. */
  readonly #services = new Map<string, string>();

  /** @throws {CryptoError} signature_invalid (entry-evidence) */
  see(urn: string, { act, who, req }: AskedLeaf): void {
    if (act !== 'audit.erase' || !('kid' in who) || req === undefined) return;
    const request = `${who.kid} ${req}`;
    const seen = this.#services.get(request) ?? urn;
    // guard: audit-erasure-service
    if (seen !== urn) throw misfit(`its request was sent to one service, and a log of ${seen} has it, too`);
    this.#services.set(request, urn);
  }
}
