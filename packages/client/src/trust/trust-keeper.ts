import { ROOT_AHEAD_CHECK, Trust } from '@bulla/crypto';
import { BullaError, checked } from '../connection/errors.js';
import { requireLoopback } from '../connection/loopback.js';
import { rememberedTrust } from './remembered-trust.js';
import type { DocumentsPlace, Served } from './served-documents.js';
import { readAllHashes, readServed, servesOther } from './served-documents.js';
import type { TrustState, TrustStore } from './trust-store.js';

/** Older copies of the documents are fetched again before use (protocol.md §4). */
const FRESH_SECONDS = 15 * 60;

export interface TrustKeeperOptions extends DocumentsPlace {
  readonly store: TrustStore;
  /** Seconds. */
  readonly now: () => number;
  /** Told what a person should know and nothing failed for; nobody unless given. */
  readonly notice?: ((message: string) => void) | undefined;
  /** Takes a directory that no renewer calls the newest: for renewers, who are there to say so. */
  readonly acceptStale?: boolean | undefined;
}

/** Holds what this client trusts: fetched from the vault, believed because of the pin, remembered in a store. */
export class TrustKeeper {
  readonly #options: TrustKeeperOptions;
  #trust: Trust | undefined;
  #fetchedAt = 0;
  #refreshing: Promise<Trust> | undefined;

  constructor(options: TrustKeeperOptions) {
    this.#options = options;
  }

  /**
   * The organisation's documents, not older than 15 minutes, not expired, and the newest a few days ago.
   * @throws {TrustError} pin_mismatch, trust_rollback, trust_expired, …
   */
  async current(): Promise<Trust> {
    return (await this.#held()) ?? this.refresh();
  }

  /**
   * As {@link current}, and the newest that the vault shows at this moment: asked for before anything is sealed. Where
   * there is nothing newer that takes one request, which is answered without a body. That answer makes no copy younger:
   * how long one may be used does not follow from it.
   * @throws {TrustError} as current; {BullaError} transport_failed
   */
  async newest(): Promise<Trust> {
    const held = await this.#held();
    // guard: client-seal-newest without: if (held !== undefined)
    if (held !== undefined && !(await servesOther(this.#options, held))) return held;
    return this.refresh();
  }

  /** What was trusted last, whatever its age and however far away the vault; undefined before the first contact. */
  async remembered(): Promise<Trust | undefined> {
    if (this.#trust === undefined) await this.#recall();
    return this.#trust;
  }

  /** Fetches and verifies the newest documents; callers at the same time share one fetch. */
  refresh(): Promise<Trust> {
    this.#refreshing ??= this.#fetch().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /**
   * As {@link refresh}, but the newest may have expired, or be of an earlier version: for the signer of the next one.
   * @throws {TrustError} pin_mismatch, trust_rollback, …
   */
  catchUp(): Promise<Trust> {
    return this.#fetch(true);
  }

  /** Where its documents are served. */
  get place(): DocumentsPlace {
    return this.#options;
  }

  /** The hashes of all directories, which nobody has verified. */
  hashes(): Promise<readonly string[]> {
    return readAllHashes(this.#options);
  }

  /**
   * Does what looks keys up. Where one is unknown or revoked it is done once more with the newest documents, which may say
   * otherwise: a device that was enrolled, revoked, or a service that got a new key since ours were fetched.
   */
  async withKnownKeys<Value>(trust: Trust, work: (trust: Trust) => Promise<Value>): Promise<Value> {
    try {
      return await work(trust);
    } catch (error) {
      if (!isAboutKeys(error)) throw error;
      const newest = await this.refresh();
      if (newest.directoryRef.hash === trust.directoryRef.hash) throw error;
      return work(newest);
    }
  }

  /** Changes what is kept under this pin. If that throws, nothing changes. */
  async change(change: (state: TrustState) => TrustState): Promise<void> {
    const { org, pin, store } = this.#options;
    const trust = await this.current();
    await store.update(org, pin, (state) => change(state?.pin === pin ? state : this.#stateOf(trust)));
  }

  /** As {@link change}, of what is kept already and however old it is; nothing where nothing is. */
  async note(change: (state: TrustState) => TrustState): Promise<void> {
    const { org, pin, store } = this.#options;
    const state = await this.state();
    if (state !== undefined) await store.update(org, pin, (current) => change(current ?? state));
  }

  /** What is trusted, where it may be used as it is. */
  async #held(): Promise<Trust | undefined> {
    const { now, vaultUrl } = this.#options;
    const trust = await this.remembered();
    const age = now() - this.#fetchedAt;
    // An age below zero means that the clock was set back: how old the copy is, nobody knows.
    // guard: client-fresh without: if (trust === undefined)
    if (trust === undefined || age < 0 || age > FRESH_SECONDS || this.#isOver(trust)) return undefined;
    requireLoopback(trust, vaultUrl);
    return trust;
  }

  /** Rebuilds what was trusted from the store; expired documents still tell what must not be forgotten. */
  async #recall(): Promise<void> {
    const { org, now } = this.#options;
    const state = await this.state();
    if (state === undefined) return;
    this.#trust = await rememberedTrust(state, { org, now: now() });
    this.#fetchedAt = state.fetchedAt;
  }

  /** What is kept under this pin. Another pin is another root of trust; what was seen under it does not count. */
  async state(): Promise<TrustState | undefined> {
    const state = await this.#options.store.load(this.#options.org, this.#options.pin);
    return state?.pin === this.#options.pin ? state : undefined;
  }

  async #fetch(acceptExpired = false): Promise<Trust> {
    try {
      return await this.#fetchServed(acceptExpired);
    } catch (error) {
      // What is under a root that is dated ahead counts once its moment has come; until then what is held does.
      const held = await this.remembered();
      // guard: client-root-ahead
      if (held === undefined || !isRootAhead(error)) throw error;
      if (!acceptExpired) held.requireFresh(this.#options.now());
      return held;
    }
  }

  async #fetchServed(acceptExpired: boolean): Promise<Trust> {
    const served = await this.#read();
    try {
      return await this.#adopt(served, acceptExpired);
    } catch (error) {
      // A directory may have been published between two of our requests, or another process have stored a newer one
      // meanwhile: then, and only then, a second reading differs.
      const again = await this.#read();
      if (JSON.stringify(again) === JSON.stringify(served)) throw error;
      return this.#adopt(again, acceptExpired);
    }
  }

  /** Verifies documents against the newest that any process has stored, while no other can store. */
  async #adopt({ documents, hashes }: Served, acceptExpired: boolean): Promise<Trust> {
    const { org, pin, store, now, vaultUrl, notice, acceptStale } = this.#options;
    let adopted!: Trust;
    await store.update(org, pin, async (state) => {
      const before = state?.pin === pin ? state : undefined;
      const previous = before?.memory ?? this.#trust?.memory;
      adopted = await checked(() =>
        Trust.establish(documents, {
          org,
          pin,
          now: now(),
          ...(previous && { previous }), // guard: client-memory
          hashes,
          acceptExpired,
          ...(acceptStale === true && { acceptStale }),
        }),
      );
      requireLoopback(adopted, vaultUrl);
      this.#fetchedAt = now();
      return this.#stateOf(adopted, before);
    });
    this.#trust = adopted;
    for (const { check, message } of adopted.freshness.passedOver) if (check === 'fresh-fork') notice?.(message);
    return adopted;
  }

  async #read(): Promise<Served> {
    const known = await this.state();
    return readServed(this.#options, known?.documents.roots ?? [], known?.memory ?? this.#trust?.memory);
  }

  /** Whether newer documents are needed, whatever their age. */
  #isOver(trust: Trust): boolean {
    const { now, acceptStale } = this.#options;
    const isStale = trust.clock(now()) >= trust.freshness.until;
    return now() >= trust.expiresAt || trust.directory.spec === '1' || (isStale && acceptStale !== true);
  }

  #stateOf(trust: Trust, before?: TrustState): TrustState {
    const { pin, documents, memory } = trust;
    return { names: [], ...before, pin, documents, memory, fetchedAt: this.#fetchedAt };
  }
}

function isRootAhead(error: unknown): boolean {
  return error instanceof BullaError && error.check === ROOT_AHEAD_CHECK;
}

/** Whether a refusal may come of an old directory, here or at the service that said it. */
export function isAboutKeys(error: unknown): boolean {
  return error instanceof BullaError && (error.code === 'key_unknown' || error.code === 'key_revoked');
}
