import { Problem } from '@bulla/contract';
import type { KeyHolder, Trust } from '@bulla/crypto';
import type { RequestSignature } from '@bulla/crypto/http';
import type { Place } from '../edge/places.js';
import type { Clock } from '../process/clock.js';
import { PacedLook } from './paced-look.js';
import type { TrustSource } from './trust-source.js';

const LOOK_INTERVAL_MS = 1_000;
/** Requests of one organisation that wait for newer documents; beyond, those at hand say who they are of. */
const WAITING_MAX = 64;

/** Who holds a key, by which documents. */
export interface Found {
  readonly trust: Trust;
  readonly holder: KeyHolder;
}

/** Finds who holds the key that signed a request: in newer documents, where those at hand do not say it. */
export class HolderSearch {
  readonly #source: TrustSource;
  readonly #clock: Clock;
  /** Of each organisation that is served, so few. */
  readonly #looks = new Map<string, { readonly look: PacedLook; waiting: number }>();

  constructor(source: TrustSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * An unknown keyid may be newer than the directory at hand, and what has expired or is called the newest by nobody may
   * have been signed anew. Who asks waits for the look that is at work, and for the next where that one found nothing.
   * @param isGood whether documents count for what is asked.
   * @returns by documents that do not count, where none that do were found
   * @throws {Problem} unauthenticated if nobody holds it
   */
  async find(signature: RequestSignature, place: Place | undefined, isGood: (trust: Trust) => boolean): Promise<Found> {
    let found = await this.#atHand(signature);
    const isFound = () => found !== undefined && isGood(found.trust);
    if (!isFound())
      await this.#whileResting(signature.org, place, async (look) => {
        // guard: look-joined without: void look.running;
        await look.running?.catch(() => undefined);
        found = await this.#atHand(signature);
        if (isFound()) return;
        await look.next();
        found = await this.#atHand(signature);
      });
    if (found === undefined) throw new Problem('unauthenticated');
    return found;
  }

  /** @throws {Problem} unauthenticated if the organisation is not served */
  async #atHand({ org, keyid }: RequestSignature): Promise<Found | undefined> {
    const trust = await this.#source.trustOf(org);
    if (trust === undefined) throw new Problem('unauthenticated');
    const holder = trust.holderOfKeyid(keyid);
    return holder && { trust, holder };
  }

  /** A stranger who signs by an unknown key would keep a place for as long as a vault does not answer. */
  async #whileResting(org: string, place: Place | undefined, work: (look: PacedLook) => Promise<void>): Promise<void> {
    const looks = this.#looksOf(org);
    // guard: look-waiting
    if (looks.waiting >= WAITING_MAX) return;
    looks.waiting++;
    // guard: refresh-rests
    place?.rest();
    try {
      await work(looks.look);
    } finally {
      looks.waiting--;
      await place?.resume();
    }
  }

  #looksOf(org: string): { readonly look: PacedLook; waiting: number } {
    const known = this.#looks.get(org);
    if (known !== undefined) return known;
    const look = new PacedLook({
      look: () => this.#source.refresh(org),
      intervalMs: LOOK_INTERVAL_MS,
      clock: this.#clock,
    });
    const looks = { look, waiting: 0 };
    this.#looks.set(org, looks);
    return looks;
  }
}
