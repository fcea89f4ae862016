import type { TrustDocuments } from '@bulla/crypto';
import { Trust } from '@bulla/crypto';
import { bullaError, checked } from './errors.js';
import type { PublicReader } from './public-reader.js';
import type { SeenName, TrustState, TrustStore } from './trust-store.js';
import { seenOf, withSeen } from './trust-store.js';

/** Older copies of the documents are fetched again before use (protocol.md §4). */
const FRESH_SECONDS = 15 * 60;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

export interface TrustKeeperOptions {
  readonly org: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly pin: string;
  readonly vaultUrl: URL;
  readonly reader: PublicReader;
  readonly store: TrustStore;
  /** Seconds. */
  readonly now: () => number;
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
   * The organisation's documents, not older than 15 minutes and not expired.
   * @throws {TrustError} pin_mismatch, trust_rollback, trust_expired, …
   */
  async current(): Promise<Trust> {
    if (this.#trust === undefined) await this.#recall();
    const now = this.#options.now();
    if (this.#trust === undefined || now - this.#fetchedAt > FRESH_SECONDS || now >= this.#trust.expiresAt) return this.refresh();
    return this.#trust;
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

  /** What was seen of a prompt name before. */
  async seen(name: string): Promise<SeenName | undefined> {
    return seenOf(await this.#options.store.load(this.#options.org), name);
  }

  /** Remembers a tag: an older one will be refused from now on. */
  async remember(tag: { name: string; sub: string; label: string; seq: number }): Promise<void> {
    const trust = await this.current();
    await this.#options.store.update(this.#options.org, (state) => withSeen(state ?? this.#stateOf(trust, []), tag));
  }

  /** Rebuilds what was trusted from the store; expired documents still tell what must not be forgotten. */
  async #recall(): Promise<void> {
    const { org, pin, store, now } = this.#options;
    const state = await store.load(org);
    if (state === undefined || state.pin !== pin) return;
    this.#trust = await checked(() => Trust.establish(state.documents, { org, pin, now: now(), acceptExpired: true }));
    this.#fetchedAt = state.fetchedAt;
  }

  async #fetch(): Promise<Trust> {
    const { org, pin, store, now } = this.#options;
    const previous = await this.remembered();
    let documents = await this.#read(previous);
    const establish = () => checked(() => Trust.establish(documents, { org, pin, now: now(), previous }));
    const trust = await establish().catch(async (error: unknown) => {
      // A directory may have been published between two of our requests: then, and only then, a second reading differs.
      const again = await this.#read(previous);
      if (JSON.stringify(again) === JSON.stringify(documents)) throw error;
      documents = again;
      return establish();
    });
    this.#requireLoopback(trust);
    this.#trust = trust;
    this.#fetchedAt = now();
    await store.update(org, (state) => {
      if (state !== undefined && state.pin === pin && state.directoryVersion > trust.directoryRef.ver) return state;
      return this.#stateOf(trust, state?.names ?? []);
    });
    return trust;
  }

  /** The chain from what is known on, and the newest policy and directory. Nothing is believed yet. */
  async #read(previous: Trust | undefined): Promise<TrustDocuments> {
    const { org, reader, vaultUrl } = this.#options;
    const at = (name: string) => new URL(`/.well-known/bulla/${org}/${name}`, vaultUrl);
    const roots = [...(previous?.documents.roots ?? [])];
    for (;;) {
      const next = await reader.read(at(`root/${roots.length + 1}.json`));
      if (next === undefined) break;
      roots.push(next);
    }
    const [directory, policy] = [await reader.read(at('directory.json')), await reader.read(at('policy.json'))];
    if (roots.length === 0 || directory === undefined || policy === undefined) {
      throw bullaError('not_found', { message: `the vault has no organisation ${org}`, origin: 'client', status: 404 });
    }
    return { roots, policy, directory };
  }

  /** A development organisation keeps every key in one folder: it is believed on this machine alone. */
  #requireLoopback(trust: Trust): void {
    if (trust.profile !== 'development' || LOOPBACK.test(this.#options.vaultUrl.hostname)) return;
    throw bullaError('pin_mismatch', {
      message: `${trust.org} is a development organisation and its vault is not on this machine; use an organisation with profile production`,
      check: 'root-profile',
      origin: 'client',
    });
  }

  #stateOf(trust: Trust, names: TrustState['names']): TrustState {
    const { pin, documents, directoryRef } = trust;
    return { pin, documents, directoryVersion: directoryRef.ver, fetchedAt: this.#fetchedAt, names };
  }
}
