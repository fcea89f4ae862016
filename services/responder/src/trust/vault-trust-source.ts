import { Problem } from '@bulla/contract';
import type { DirectoryHashes, TrustDocuments, TrustMemory } from '@bulla/crypto';
import { fetchHashesBetween, Trust } from '@bulla/crypto';
import type { Clock, EventLog } from '@bulla/service-kit';
import { PacedLook, TRUST_FORK, TRUST_LOADED, TRUST_NOT_LOADED, TrustSource } from '@bulla/service-kit';
import { Revocations } from './revocations.js';
import type { SeenDocumentsRepository } from './seen-documents.repository.js';
import { documentsSource, DocumentsUnavailable, fetchServed } from './vault-documents.js';

export interface VaultTrustOptions {
  readonly org: string;
  /** Obtained out of band; the vault cannot choose it. */
  readonly pin: string;
  /** Base URL of the vault that serves the documents. */
  readonly vaultUrl: string;
  /** Refuses organisations of profile `development`. */
  readonly production: boolean;
  readonly clock: Clock;
  readonly log: EventLog;
}

/** Keys that lie in one folder of one person are not for work that matters (protocol.md §4). */
class DevelopmentRefused extends Error {
  override readonly name = 'DevelopmentRefused';
  readonly code = 'development_profile';
}

/** What a vault served: nothing of it is believed yet. */
interface FetchedSet {
  readonly documents: TrustDocuments;
  readonly hashes: DirectoryHashes | undefined;
}

const POLL_MS = 60_000;
/** At most one fetch in this time for all askers together (protocol.md §4). */
const FETCH_INTERVAL_MS = 1_000;

/**
 * The documents of the one organisation this responder serves, fetched from its vault and verified under the pin. A
 * newer set replaces the older one only if it continues what any replica has seen; else the older one stays until it
 * expires.
 */
export class VaultTrustSource extends TrustSource {
  /** Told of everything that is trusted. */
  readonly revocations = new Revocations();
  readonly #options: VaultTrustOptions;
  readonly #seen: SeenDocumentsRepository;
  #trust: Trust | undefined;
  /** What renewers say of its directory, good or not, as it was served. */
  #words = '';
  readonly #look: PacedLook;
  #poll: NodeJS.Timeout | undefined;

  constructor(options: VaultTrustOptions, seen: SeenDocumentsRepository) {
    super();
    this.#options = options;
    this.#seen = seen;
    const { clock } = options;
    this.#look = new PacedLook({ look: () => this.#fetchOrLog(), intervalMs: FETCH_INTERVAL_MS, clock });
  }

  /** Begins to poll. */
  start(): void {
    this.#poll = setInterval(() => void this.refresh(this.#options.org), POLL_MS).unref();
    void this.refresh(this.#options.org);
  }

  stop(): void {
    clearInterval(this.#poll);
  }

  /** @throws {Problem} overloaded until there are documents: nobody's key is known then, and nobody's is unknown */
  override async trustOf(org: string): Promise<Trust | undefined> {
    if (org !== this.#options.org) return undefined;
    if (this.#trust === undefined) await (this.#look.running ?? this.refresh(org));
    if (this.#trust === undefined) throw notYet();
    return this.#trust;
  }

  override held(): readonly Trust[] {
    return this.#trust === undefined ? [] : [this.#trust];
  }

  /**
   * Fetches once for all who wait, not sooner than a second after the last time; never fails. A fetch that is at work
   * already may have read what was there before, so a caller who asks now waits for the next.
   */
  override refresh(org: string): Promise<void> {
    return org === this.#options.org ? this.#look.next() : Promise.resolve();
  }

  /**
   * Passes when there are documents by which the responder may work now.
   * @throws {Error}
   */
  async probe(): Promise<void> {
    const { clock, org } = this.#options;
    (await this.trustOf(org))?.requireFresh(clock.now());
  }

  async #fetchOrLog(): Promise<void> {
    const { log, org } = this.#options;
    try {
      await this.#fetch();
    } catch (error) {
      log.write(TRUST_NOT_LOADED, { org, code: codeOf(error) });
    }
  }

  async #fetch(): Promise<void> {
    const { org, log, clock } = this.#options;
    const held = this.#trust;
    const source = documentsSource(this.#options);
    const documents = await fetchServed(source, held?.documents.roots ?? []);
    const words = (documents.fresh ?? []).join(' ');
    if (held !== undefined && isSame(documents, held.documents)) {
      if (words !== this.#words || wasAhead(held))
        this.#take(await held.withFreshness(documents.fresh ?? [], clock.now()), words);
      return;
    }
    const memories = [held?.memory, await this.#seen.find(org)].filter((memory) => memory !== undefined);
    // Where nothing was seen, all that ever was is asked for.
    const hashes = await fetchHashesBetween(source, memories.length > 0 ? memories : [undefined], documents.directory);
    const set = { documents, hashes };
    // What a database that went back in time has forgotten, this process still knows.
    // guard: trust-held
    if (held !== undefined) await this.#establish(set, held);
    // guard: trust-seen without:
    //   const trust = await this.#seen.replace(org, () => this.#establish(set, held));
    const trust = await this.#seen.replace(org, (seen) => this.#establish(set, seen ?? held));
    this.#take(trust, words);
    log.write(TRUST_LOADED, { org, directoryVersion: trust.directoryRef.ver });
  }

  #take(trust: Trust, words: string): void {
    const { org, log } = this.#options;
    this.#trust = trust;
    this.#words = words;
    // guard: run-revoked
    this.revocations.judge(trust);
    // A renewer was shown another branch than this responder.
    if (trust.freshness.passedOver.some(({ check }) => check === 'fresh-fork'))
      log.write(TRUST_FORK, { org, directoryVersion: trust.directoryRef.ver });
  }

  async #establish({ documents, hashes }: FetchedSet, previous: Trust | TrustMemory | undefined): Promise<Trust> {
    const { org, pin, clock, production } = this.#options;
    const now = clock.now();
    // Expired ones are known too: they refuse with the right words, and nothing older takes their place.
    const trust = await Trust.establish(documents, { org, pin, now, acceptExpired: true, previous, hashes });
    // guard: trust-development
    if (production && trust.profile === 'development') {
      throw new DevelopmentRefused('an organisation of profile development is not served in production');
    }
    return trust;
  }
}

function notYet(): Problem {
  const detail = 'no documents of the organisation could be trusted yet';
  return new Problem('overloaded', { detail, retryAfterSeconds: FETCH_INTERVAL_MS / 1000 });
}

/** A word that was ahead of this clock may not be any more. */
function wasAhead({ freshness }: Trust): boolean {
  return freshness.passedOver.some(({ code }) => code === 'clock_skew');
}

/** But for what renewers say. */
function isSame(fetched: TrustDocuments, held: TrustDocuments): boolean {
  return (
    fetched.directory === held.directory && fetched.policy === held.policy && fetched.roots.length === held.roots.length
  );
}

function codeOf(error: unknown): string {
  if (error instanceof DocumentsUnavailable) return error.code;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[A-Za-z0-9_]{1,64}$/.test(code) ? code : 'unknown';
}
