import type { Trust } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import { Roll } from '@bulla/service-kit';

/** Tells what is at work for a key that a newer directory takes it away. */
export class Revocations {
  readonly #watched = new Roll<{ readonly kid: string; readonly over: AbortController }>();
  #newest: Trust | undefined;

  /** Judges all that is at work by what is trusted from now on. */
  judge(trust: Trust): void {
    this.#newest = trust;
    for (const { kid, over } of this.#watched) if (isGone(trust, kid)) over.abort(revoked());
  }

  /**
   * Watches a key that was good a moment ago.
   * @param over aborts with key_revoked once the organisation takes the key away: at once, where it has done so since.
   * @returns how to stop watching it
   */
  watch(kid: string, over: AbortController): () => void {
    // guard: run-revoked-before
    if (this.#newest !== undefined && isGone(this.#newest, kid)) over.abort(revoked());
    return this.#watched.join({ kid, over });
  }

  /** How many keys are watched, each as often as something is at work for it. */
  get count(): number {
    return this.#watched.size;
  }
}

/** A key that only signs no more lets what it began go on; one that is revoked, or listed no more, does not. */
function isGone(trust: Trust, kid: string): boolean {
  return trust.isRevoked(kid) || trust.holder(kid) === undefined;
}

function revoked(): CryptoError {
  return new CryptoError('key_revoked', 'the key of the asker was revoked while the run was at work', {
    check: 'request-key',
  });
}
