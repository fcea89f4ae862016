import { clockOf } from '../connection/clock.js';
import { FRESH_POSTED_MAX } from '@bulla/contract';
import type { Signer, Trust } from '@bulla/crypto';
import { organisationUrn, signDirectoryFreshness, signLabelFreshness } from '@bulla/crypto';
import { BullaError, bullaError, checked } from '../connection/errors.js';
import type { HandedBack } from '../trust/handing-back.js';
import { handBack, keyOf } from '../trust/handing-back.js';
import { LabelKeeper } from '../labels/label-keeper.js';
import type { ShownPosition } from '../labels/label-memory.js';
import { ToldKeeper } from '../audit/told/told-keeper.js';
import { PiiGate } from '../pii/pii-gate.js';
import { PublicReader } from '../connection/public-reader.js';
import type { RenewerAdoption } from './renewer-adoption.js';
import { adoptedState, followedState, readRenewerAdoption } from './renewer-adoption.js';
import type { RenewerIdentity } from './renewer-identity.js';
import type { HeldBack } from './renewer-judgement.js';
import { judgePage } from './renewer-judgement.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import { standingLabels } from '../labels/standing-labels.js';
import { Transport } from '../connection/transport.js';
import { TrustKeeper } from '../trust/trust-keeper.js';
import type { TrustStore } from '../trust/trust-store.js';
import { MemoryTrustStore } from '../trust/trust-store.js';

export interface RenewerOptions {
  /** Address of the vault. */
  readonly url: string | URL;
  readonly identity: RenewerIdentity;
  /** `sha256:…` of the organisation's first root, given out of band. */
  readonly pin: string;
  /** What it remembers; without that it signs nothing. */
  readonly store: TrustStore;
  readonly fetch?: typeof fetch;
  /** Seconds; the platform's clock unless given. */
  readonly now?: () => number;
  /** Told what a person should know and nothing failed for; nobody unless given. */
  readonly notice?: (message: string) => void;
}

/** What one round came to. */
export interface RenewalRound {
  /** Version of the directory that is called the newest. */
  readonly directory: number;
  /** How many positions the vault took a word for. */
  readonly labels: number;
  readonly held: readonly HeldBack[];
  /** What a vault took that was restored from a backup. */
  readonly handedBack?: HandedBack | undefined;
}

/**
 * Says that directories and positions are the newest (protocol.md A1). It decides nothing: it says so of what it
 * remembers, and takes into its memory only what enough people signed and what comes after what it has.
 */
export class Renewer {
  readonly #session: Session;
  readonly #identity: RenewerIdentity;
  readonly #options: RenewerOptions;

  constructor(options: RenewerOptions) {
    this.#session = sessionOf(options);
    this.#identity = options.identity;
    this.#options = options;
  }

  /**
   * Looks at everything once, and signs for what is remembered and good. A vault that was restored from a backup is handed
   * back before what it has lost.
   * @param handed is told at once of what the vault took back: a vault whose audit log is lost takes no word after that
   * @throws {TrustError} trust_rollback (renewer-memory) where nothing is remembered, so that a person must adopt
   */
  async round(handed: (back: HandedBack) => void = () => undefined): Promise<RenewalRound> {
    await this.#requireMemory();
    const handedBack = await handBack(this.#session, (known) => this.#standing(known));
    if (handedBack !== undefined) handed(handedBack);
    const trust = await this.#freshenDirectory();
    const held: HeldBack[] = [];
    let vouched: ShownPosition[] = [];
    let labels = 0;
    for await (const page of standingLabels(this.#session, trust)) {
      const judged = await judgePage(this.#session, trust, page);
      held.push(...judged.held);
      vouched.push(...judged.vouched);
      for (; vouched.length >= FRESH_POSTED_MAX; vouched = vouched.slice(FRESH_POSTED_MAX))
        labels += await this.#post(trust, vouched.slice(0, FRESH_POSTED_MAX));
    }
    if (vouched.length > 0) labels += await this.#post(trust, vouched);
    return { directory: trust.directory.version, labels, held, ...(handedBack && { handedBack }) };
  }

  /** What the vault shows beside what is remembered, for a person to decide by. */
  async adoption(): Promise<RenewerAdoption> {
    const { identity, pin, store } = this.#options;
    // Until a person has decided, nothing is remembered of what is shown.
    const shown = new MemoryTrustStore();
    const state = await store.load(identity.org, pin);
    if (state?.pin === pin) await shown.update(identity.org, pin, () => state);
    return readRenewerAdoption(sessionOf({ ...this.#options, store: shown }));
  }

  /** Puts what a person was shown in the place of what is remembered. */
  async adopt(adoption: RenewerAdoption): Promise<void> {
    const { identity, pin, store } = this.#options;
    const at = this.#session.now();
    await store.update(identity.org, pin, () => adoptedState(adoption, at));
  }

  /**
   * Takes over what a device of the same home remembers: labels that are unknown here, or have come further. A lost memory
   * is not replaced by that.
   * @returns one line for each label
   */
  async follow(own: TrustStore): Promise<readonly string[]> {
    await this.#requireMemory();
    const { identity, pin, store } = this.#options;
    const known = await own.load(identity.org, pin);
    if (known?.pin !== pin) return [];
    let lines: readonly string[] = [];
    await store.update(identity.org, pin, (state) => {
      if (state === undefined) throw lost();
      const followed = followedState(state, known);
      ({ lines } = followed);
      return followed.state;
    });
    return lines;
  }

  async #standing(trust: Trust): Promise<ReadonlyMap<string, number>> {
    const standing = new Map<string, number>();
    for await (const { labels } of standingLabels(this.#session, trust))
      for (const one of labels) standing.set(keyOf(one), one.seq);
    return standing;
  }

  async #requireMemory(): Promise<void> {
    const { identity, pin, store } = this.#options;
    // guard: renewer-memory
    if ((await store.load(identity.org, pin))?.pin !== pin) throw lost();
  }

  /** Any descendant of the directory that is remembered, fresh or not, is the newest for it. */
  async #freshenDirectory(): Promise<Trust> {
    for (let tries = 1; ; tries++) {
      const trust = await this.#session.keeper.refresh();
      const claims = { ...this.#word(trust), purpose: 'directory.fresh' } as const;
      const fresh = await checked(() => signDirectoryFreshness(claims, this.#signer(trust)));
      try {
        const call = { params: { org: trust.org }, body: { fresh } };
        await this.#session.transport.call('directory.freshen', vaultOf(this.#session, trust), trust, call);
        return trust;
      } catch (error) {
        // Somebody published in between.
        if (tries > 2 || !(error instanceof BullaError) || error.code !== 'version_conflict') throw error;
      }
    }
  }

  /** @returns how many the vault took: a label may have moved on meanwhile. */
  async #post(trust: Trust, positions: readonly ShownPosition[]): Promise<number> {
    const fresh = await Promise.all(
      positions.map(({ name, label: tag, seq, pos }) => {
        const claims = { ...this.#word(trust), name, tag, seq, pos, purpose: 'tag.fresh' } as const;
        return checked(() => signLabelFreshness(claims, this.#signer(trust)));
      }),
    );
    const service = vaultOf(this.#session, trust);
    const { taken } = await this.#session.transport.call('label.freshen', service, trust, { body: { fresh } });
    return taken;
  }

  /** What every word says. */
  #word(trust: Trust) {
    const iat = this.#session.now();
    const { urn: iss } = this.#identity;
    return { iss, aud: organisationUrn(trust.org), dir: trust.directoryRef, iat, exp: iat + trust.freshSeconds };
  }

  /** The newest of its keys that signs now. */
  #signer(trust: Trust): Signer {
    const active = new Set(
      trust.activeKeys(this.#identity.urn, 'fresh', this.#session.now()).map(({ record }) => record.kid),
    );
    const signer = this.#identity.freshSigners.find(({ kid }) => active.has(kid));
    // guard: renewer-key without: return this.#identity.freshSigners[0] as Signer;
    if (signer !== undefined) return signer;
    const message = 'the directory lists no active key for freshness of this renewer';
    throw bullaError('key_revoked', { message, check: 'fresh-key', origin: 'client' });
  }
}

function sessionOf(options: RenewerOptions): Session {
  const { identity, pin, store, fetch: fetcher = fetch, notice = () => undefined } = options;
  const now = clockOf(options.now);
  const vaultUrl = new URL(options.url);
  const reader = new PublicReader(fetcher);
  const keeper = new TrustKeeper({ org: identity.org, pin, vaultUrl, reader, store, now, notice, acceptStale: true });
  const withKnownKeys: TrustKeeper['withKnownKeys'] = (trust, work) => keeper.withKnownKeys(trust, work);
  const transport = new Transport({ identity, fetch: fetcher, now, withKnownKeys });
  // A renewer asks no model anything.
  const told = new ToldKeeper(keeper, 0);
  const pii = new PiiGate({ mode: 'off' }, fetcher);
  return { identity, vaultUrl, keeper, labels: new LabelKeeper(keeper, now), told, transport, pii, now, notice };
}

function lost(): BullaError {
  const message =
    'this renewer remembers nothing, so it signs nothing: it may have lost its memory. Look at what the vault shows: bulla trust renew --adopt';
  return bullaError('trust_rollback', { message, check: 'renewer-memory', origin: 'client' });
}
