import type { ChainTuple, DirectoryHashes, TrustDocuments } from '@bulla/crypto';
import { CryptoError, fetchHashes, readDirectoryHead, readHashes, Trust, verifyRootChain } from '@bulla/crypto';
import { BullaError, bullaError, checked } from './errors.js';
import type { EarlierHead, LabelFork, RememberedLabel } from './label-heads.js';
import type { Remembering, ShownPosition } from './label-memory.js';
import {
  movesSince,
  rememberedOf,
  remembering,
  requireAfter,
  tupleOf,
  withEarlierHead,
  withFork,
  withoutForks,
  withHead,
  withoutHead,
} from './label-memory.js';
import { forked, forkOf, remade } from './label-forks.js';
import { requireLoopback } from './loopback.js';
import type { PublicReader } from './public-reader.js';
import type { OpenedContent, SeenName, TrustState, TrustStore } from './trust-store.js';
import { knownContent, seenOf, withOpened } from './trust-store.js';
import { urlUnder } from './url-under.js';

/** What a vault served: nothing of it is believed yet. */
interface Served {
  readonly documents: TrustDocuments;
  readonly hashes: DirectoryHashes | undefined;
}

/** Older copies of the documents are fetched again before use (protocol.md §4). */
const FRESH_SECONDS = 15 * 60;

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
    const { now, vaultUrl } = this.#options;
    const trust = await this.remembered();
    const age = now() - this.#fetchedAt;
    // An age below zero means that the clock was set back: how old the copy is, nobody knows.
    // guard: client-fresh without: if (trust === undefined)
    if (trust === undefined || age < 0 || age > FRESH_SECONDS || isOver(trust, now())) return this.refresh();
    requireLoopback(trust, vaultUrl);
    return trust;
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
   * As {@link refresh}, but the newest may have expired, or be of an earlier version: for whoever signs what follows it.
   * @throws {TrustError} pin_mismatch, trust_rollback, …
   */
  catchUp(): Promise<Trust> {
    return this.#fetch(true);
  }

  /** The hashes of all directories, which nobody has verified. */
  hashes(): Promise<readonly string[]> {
    return checked(() => readHashes(1, Number.MAX_SAFE_INTEGER, (from) => this.#readPage(from)));
  }

  /**
   * Does what looks keys up. Where one is unknown it is done once more with the newest documents, which may list it: a
   * device that was enrolled or a service that got a new key since ours were fetched.
   */
  async withKnownKeys<Value>(trust: Trust, work: (trust: Trust) => Promise<Value>): Promise<Value> {
    try {
      return await work(trust);
    } catch (error) {
      if (!(error instanceof BullaError) || error.code !== 'key_unknown') throw error;
      const newest = await this.refresh();
      if (newest.directoryRef.hash === trust.directoryRef.hash) throw error;
      return work(newest);
    }
  }

  /** What was seen of a prompt name before. */
  async seen(name: string): Promise<SeenName | undefined> {
    return seenOf(await this.#load(), name);
  }

  /**
   * Takes a position that its tags prove, if it is what is remembered of the label or comes after it; what is remembered is
   * written before this returns. Another process may have gone on meanwhile: then the position may be used for what was
   * asked for, and is not written.
   * @param before what was seen of the name before the position was asked for.
   * @param movesAfter reads the moves after a number, in order, up to the position.
   * @returns whether it is the newest that is remembered now.
   * @throws {TrustError} trust_rollback for an older position, or one that does not come after it; both are kept
   */
  async accept(
    shown: ShownPosition,
    before: SeenName | undefined,
    movesAfter: (seq: number) => Promise<readonly ChainTuple[]>,
  ): Promise<boolean> {
    let seen = before;
    for (;;) {
      const remembered = rememberedOf(seen, shown.label);
      const moves = remembered === undefined ? [tupleOf(shown)] : await movesSince(remembered, shown, movesAfter);
      if (remembered !== undefined) await this.#requireAfter(remembered, shown, moves);
      // Without a memory of the label, nothing says that it moved to another prompt after it was at the one known.
      // guard: client-label-remade
      else if (seen !== undefined && seen.sub !== shown.sub) throw remade(shown);
      let outcome: Remembering | undefined;
      await this.#change((state) => {
        outcome = remembering(state, shown, remembered, moves);
        return outcome.kind === 'newest' ? outcome.state : state;
      });
      if (outcome?.kind !== 'changed') return outcome?.kind === 'newest';
      seen = await this.seen(shown.name);
    }
  }

  /** Replaces what is remembered of a label, whatever it was: a person decided. */
  async adopt(shown: ShownPosition | (EarlierHead & { readonly name: string; readonly sub: string })): Promise<void> {
    await this.#change((state) => {
      const current = withoutForks(state, shown);
      if ('pos' in shown) return withHead(withoutHead(current, shown), shown, [tupleOf(shown)]);
      const { name, sub, label, seq } = shown;
      return withEarlierHead(current, name, sub, { label, seq });
    });
  }

  /** Forgets the positions of a label that contradicted what is remembered, which stays: a person looked at them. */
  async settle(of: Pick<LabelFork, 'name' | 'label'>): Promise<void> {
    await this.#change((state) => withoutForks(state, of));
  }

  /** Pairs of positions that contradict each other and that nobody has settled, the newest last. */
  async forks(): Promise<readonly LabelFork[]> {
    return (await this.#load())?.forks ?? [];
  }

  async #requireAfter(remembered: RememberedLabel, shown: ShownPosition, moves: readonly ChainTuple[]): Promise<void> {
    try {
      // guard: client-label-after
      await requireAfter(remembered, shown, moves);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      const fork = forkOf(remembered, shown, this.#options.now());
      // guard: client-fork-kept
      await this.#change((state) => withFork(state, fork));
      throw forked(remembered, shown, error.check ?? 'tag-fork');
    }
  }

  /**
   * Remembers what a version opened to. A version never changes: its author and the vault together could show another
   * text under a number that was read.
   * @throws {VerifyError} envelope_tampered (content-seen) if this machine knows another content under this number
   */
  async rememberOpened(name: string, content: OpenedContent): Promise<void> {
    await this.#change((state) => {
      const known = knownContent(state, content);
      // guard: client-content-seen
      if (known !== undefined && known !== content.chash) {
        const message = `this machine has seen another content as version ${content.version} of ${name}`;
        throw bullaError('envelope_tampered', { message, check: 'content-seen', origin: 'client' });
      }
      return withOpened(state, content);
    });
  }

  async #change(change: (state: TrustState) => TrustState): Promise<void> {
    const { org, pin, store } = this.#options;
    const trust = await this.current();
    await store.update(org, (state) => change(state?.pin === pin ? state : this.#stateOf(trust)));
  }

  /** Rebuilds what was trusted from the store; expired documents still tell what must not be forgotten. */
  async #recall(): Promise<void> {
    const { org, pin, now } = this.#options;
    const state = await this.#load();
    if (state === undefined) return;
    const { documents, memory, fetchedAt } = state;
    this.#trust = await checked(() =>
      Trust.establish(documents, { org, pin, now: now(), previous: memory, acceptExpired: true }),
    );
    this.#fetchedAt = fetchedAt;
  }

  /** What is kept under this pin. Another pin is another root of trust, and what was seen under it is no measure. */
  async #load(): Promise<TrustState | undefined> {
    const state = await this.#options.store.load(this.#options.org);
    return state?.pin === this.#options.pin ? state : undefined;
  }

  async #fetch(acceptExpired = false): Promise<Trust> {
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
    const { org, pin, store, now, vaultUrl } = this.#options;
    let adopted!: Trust;
    await store.update(org, async (state) => {
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
        }),
      );
      requireLoopback(adopted, vaultUrl);
      this.#fetchedAt = now();
      return this.#stateOf(adopted, before);
    });
    this.#trust = adopted;
    return adopted;
  }

  /** The chains from what is known on, and the newest policy and directory, which nobody has verified yet. */
  async #read(): Promise<Served> {
    const { org, pin, reader, vaultUrl } = this.#options;
    const at = (name: string) => urlUnder(vaultUrl, `/.well-known/bulla/${org}/${name}`);
    const known = await this.#load();
    const roots = [...(known?.documents.roots ?? [])];
    for (;;) {
      const next = await reader.read(at(`root/${roots.length + 1}.json`));
      if (next === undefined) break;
      roots.push(next);
      // Root by root: nothing more is asked of a vault that serves another root than the pinned, or roots without end.
      // guard: client-root-by-root
      await checked(() => verifyRootChain(roots, { org, pin }));
    }
    const [directory, policy] = [await reader.read(at('directory.json')), await reader.read(at('policy.json'))];
    if (roots.length === 0 || directory === undefined || policy === undefined) {
      throw bullaError('not_found', { message: `the vault has no organisation ${org}`, origin: 'client', status: 404 });
    }
    const head = await checked(async () => readDirectoryHead(directory));
    const seen = [known?.memory ?? this.#trust?.memory];
    const hashes = await checked(() => fetchHashes(seen, head, (from) => this.#readPage(from)));
    return { documents: { roots, policy, directory }, hashes };
  }

  #readPage(from: number): Promise<string | undefined> {
    const { org, reader, vaultUrl } = this.#options;
    return reader.read(urlUnder(vaultUrl, `/.well-known/bulla/${org}/directory/hashes?from=${from}`));
  }

  #stateOf(trust: Trust, before?: TrustState): TrustState {
    const { pin, documents, memory } = trust;
    return { names: [], ...before, pin, documents, memory, fetchedAt: this.#fetchedAt };
  }
}

/** Whether newer documents are needed, whatever their age. */
function isOver(trust: Trust, now: number): boolean {
  return now >= trust.expiresAt || trust.directory.spec === '1';
}
