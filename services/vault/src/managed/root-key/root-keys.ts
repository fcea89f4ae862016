import { randomUUID } from 'node:crypto';
import { Problem } from '@bulla/contract';
import type { EventLog } from '@bulla/service-kit';
import type { AskHidden } from '@bulla/service-kit';
import { databaseFault, LogEvent } from '@bulla/service-kit';
import type { Kysely } from 'kysely';
import type { VaultTables } from '../../database/types.js';
import { makeRootKeyFile } from './file-root-key.js';
import { openRootKey } from './open-root-key.js';
import type { AskPassphrase } from './passphrase-root-key.js';
import { askOnce, askTwice } from './passphrase-root-key.js';
import type { PrivatePlace } from './private-file.js';
import type { RootKeyProvider } from './root-key-provider.js';
import { RootKeyFault, RootKeyRefused } from './root-key-provider.js';
import type { RootKeyRow } from './root-keys.repository.js';
import { RootKeysRepository } from './root-keys.repository.js';
import { ShamirRootKey } from './shamir-root-key.js';

const ROOT_KEY_STAGED = new LogEvent<{ kid: string }>('root-key-staged', 'info');
const ROOT_KEY_REFUSED = new LogEvent<{ kid: string }>('root-key-refused', 'error');

/** What `BULLA_ROOT_KEY` and `BULLA_ROOT_KEY_NEXT` say. */
export interface RootKeySettings {
  readonly current?: string | undefined;
  /** Looked for again and again where it is not there yet. */
  readonly next?: string | undefined;
}

export interface RootKeysParts {
  readonly settings: RootKeySettings;
  /** For a root key that is made of a passphrase. */
  readonly passphrases?: RootKeySettings;
  /** How the person who starts this process is asked for a passphrase that no setting says. */
  readonly ask?: AskHidden | undefined;
  readonly place: PrivatePlace;
  /** The file of the current key, where it is made if neither it nor any key of the database is there. */
  readonly makes?: string | undefined;
  readonly log: EventLog;
}

/**
 * The root keys that this process holds: the one in use, and during a rotation the other one. Which of them is active the
 * database says, so that processes whose settings are not the same yet agree all the same.
 */
export class RootKeys {
  /** A name of this process among those on the database. */
  readonly id = randomUUID();
  readonly #parts: RootKeysParts;
  readonly #held = new Map<string, RootKeyProvider>();
  readonly #settingsOf = new Map<string, string>();
  /** Those whose key-check value was compared with the one that is stored. */
  readonly #verified = new Set<string>();
  #repository: RootKeysRepository | undefined;

  constructor(parts: RootKeysParts) {
    this.#parts = parts;
  }

  /** Of a vault that manages nothing. @throws {RootKeyRefused} where its database has keys under a root key */
  static async none({ database, log }: { database: { db: Kysely<VaultTables> }; log: EventLog }): Promise<RootKeys> {
    const keys = new RootKeys({ settings: {}, place: { dataFolders: [], production: false }, log });
    await keys.look(database.db);
    return keys;
  }

  /** Whether this vault may manage anything. */
  get any(): boolean {
    return this.#parts.settings.current !== undefined;
  }

  /** The keys that are here. */
  get held(): readonly RootKeyProvider[] {
    return [...this.#held.values()];
  }

  /**
   * Opens what the settings name and compares it with what the database knows, which is only read: a wrong, truncated or older
   * key stops the start here, before anything is written.
   * @throws {RootKeyRefused} in one line
   */
  async look(db: Kysely<VaultTables>): Promise<void> {
    this.#repository = new RootKeysRepository(db);
    const { current, next } = this.#parts.settings;
    const known = await this.#repository.known();
    const { ask } = this.#parts;
    const opened = await this.#open(current, known.length > 0 ? askOnce(ask) : askTwice(ask));
    await this.#open(next, askTwice(ask));
    if (current === undefined) return this.#requireNone();
    if (opened === undefined && known.length === 0) await this.#makeFirst(current);
    await this.#compare(known);
  }

  /** The first of all, the key is taken in; a process that holds what it needs is known to the others from then on. */
  async join(): Promise<void> {
    if (this.#held.size === 0) return;
    await this.#compare(await this.#enter());
  }

  /** In each process, now and then: it says that it is there, and takes in a key whose file has come. */
  async refresh(): Promise<void> {
    if (!this.any) return;
    const { next } = this.#parts.settings;
    if (next !== undefined && this.#kidOf(next) === undefined) await this.#open(next);
    await this.#enter();
  }

  /**
   * The key under which new KEKs go, with its row.
   * @throws {Problem} custody_not_allowed where this vault has none; sealed; overloaded where it cannot be reached
   */
  async active(): Promise<RootKeyProvider> {
    const [first] = this.held;
    if (!this.any || first === undefined)
      throw new Problem('custody_not_allowed', {
        detail: 'this vault has no root key, so it manages no names: start it with BULLA_ROOT_KEY',
      });
    const row = (await this.repository.known()).find(({ state }) => state === 'active');
    if (row !== undefined) return this.of(row.kid);
    // It could not be asked when this process began.
    await asked(() => first.makeCheck());
    await this.#enter();
    return this.of(first.kid);
  }

  /** @throws {RootKeyFault} sealed, while the key in use is in shares and this process was not given enough of them */
  async requireUnsealed(): Promise<void> {
    const { current = '' } = this.#parts.settings;
    const active = (await this.repository.known()).find(({ state }) => state === 'active');
    const root = this.#held.get(active?.kid ?? this.#kidOf(current) ?? '');
    if (root?.name === 'shamir') await root.health();
  }

  /**
   * The key of this name, once it is known to be the right one.
   * @throws {Problem} overloaded where this process does not hold it, or it cannot be reached; sealed
   */
  async of(kid: string): Promise<RootKeyProvider> {
    const provider = this.#held.get(kid);
    if (provider === undefined) throw new Problem('overloaded', { detail: 'a root key is not there just now' });
    if (this.#verified.has(kid)) return provider;
    const row = (await this.repository.known()).find((one) => one.kid === kid);
    // guard: root-key-verified without: if (row === undefined)
    if (row === undefined || !(await asked(() => provider.verifyCheck(row.check_value)))) {
      this.#parts.log.write(ROOT_KEY_REFUSED, { kid });
      throw new Problem('internal');
    }
    this.#verified.add(kid);
    return provider;
  }

  /** The name of the key that `BULLA_ROOT_KEY_NEXT` has brought, for somebody who knows what it says. */
  nextNamed(setting: string): string | undefined {
    const { next } = this.#parts.settings;
    // guard: rotate-staged without: return this.#kidOf(setting);
    return setting === next ? this.#kidOf(next) : undefined;
  }

  /** The database of {@link look}. */
  get repository(): RootKeysRepository {
    if (this.#repository === undefined) throw new Error('the root keys were not looked at');
    return this.#repository;
  }

  async close(): Promise<void> {
    // The others wait a minute for a process that does not say that it goes.
    if (this.#held.size > 0) await this.#repository?.leave(this.id).catch(() => undefined);
    await Promise.all(this.held.map((provider) => provider.close()));
    this.#held.clear();
  }

  #kidOf(setting: string): string | undefined {
    return [...this.#settingsOf].find(([, text]) => text === setting)?.[0];
  }

  async #open(setting: string | undefined, ask?: AskPassphrase): Promise<RootKeyProvider | undefined> {
    if (setting === undefined) return undefined;
    const { settings, passphrases = {}, place } = this.#parts;
    const passphrase = setting === settings.next ? passphrases.next : passphrases.current;
    const provider = await openRootKey(setting, { ...place, passphrase, ask });
    if (provider === undefined) return undefined;
    this.#held.set(provider.kid, provider);
    if (provider instanceof ShamirRootKey) provider.sayIn(this.#parts.log);
    this.#settingsOf.set(provider.kid, setting);
    return provider;
  }

  async #makeFirst(setting: string): Promise<void> {
    const { makes } = this.#parts;
    if (makes === undefined) throw new RootKeyRefused(missing(setting));
    makeRootKeyFile(makes);
    await this.#open(setting);
  }

  /** @throws {RootKeyRefused} unless what is held is what the database needs */
  async #compare(known: readonly RootKeyRow[]): Promise<void> {
    for (const row of known) {
      const provider = this.#held.get(row.kid);
      if (provider === undefined) continue;
      // guard: root-key-check without: if (row.check_value === '')
      if ((await verified(provider, row.check_value)) === false)
        throw new RootKeyRefused(`BULLA_ROOT_KEY: what it names is not ${row.kid}, though it is called so`);
    }
    const active = known.find(({ state }) => state === 'active');
    const objects = await this.#objects();
    const needed = known.filter(({ kid, state }) => state === 'active' || (objects.get(kid) ?? 0) > 0);
    const lacking = needed.find(({ kid }) => !this.#held.has(kid));
    // guard: root-key-older
    if (lacking !== undefined) throw new RootKeyRefused(this.#notHeld(lacking, active));
  }

  /** @throws {RootKeyRefused} where there are keys that nobody could use */
  async #requireNone(): Promise<void> {
    const [kid] = [...(await this.#objects())].filter(([, count]) => count > 0).map(([of]) => of);
    // guard: root-key-set
    if (kid !== undefined)
      throw new RootKeyRefused(`BULLA_ROOT_KEY is not set, and this database has keys under ${kid}`);
  }

  async #objects(): Promise<ReadonlyMap<string, number>> {
    try {
      return await this.repository.objects();
    } catch (error) {
      if (databaseFault(error)?.code === '42P01') return new Map();
      throw error;
    }
  }

  #notHeld(lacking: RootKeyRow, active: RootKeyRow | undefined): string {
    const here = [...this.#held.keys()].join(' and ') || 'nothing: its file is missing';
    const what =
      lacking.kid === active?.kid
        ? `this database is under ${lacking.kid}`
        : `keys of this database are still under ${lacking.kid}`;
    return `BULLA_ROOT_KEY: ${what}, and what is named here is ${here}; name that key too (BULLA_ROOT_KEY_NEXT takes a second one)`;
  }

  async #enter(): Promise<RootKeyRow[]> {
    const names = new Set((await this.repository.known()).map(({ kid }) => kid));
    const fresh = this.held.filter(({ kid }) => !names.has(kid));
    const made = await Promise.all(fresh.map(async (one) => [one.kid, await checkOf(one)] as const));
    return this.repository.db.transaction().execute(async (trx) => {
      const known = await this.repository.knownFixed(trx, 'share');
      let hasActive = known.some(({ state }) => state === 'active');
      for (const [kid, check] of made) {
        if (check === undefined) continue;
        await this.repository.add(trx, kid, check, hasActive ? 'pre-active' : 'active');
        if (hasActive) this.#parts.log.write(ROOT_KEY_STAGED, { kid });
        hasActive = true;
      }
      // Shares that people have not brought here are no key that this process holds.
      const usable = this.held.filter((root) => !(root instanceof ShamirRootKey && root.sealed));
      await this.repository.hold(
        trx,
        this.id,
        usable.map(({ kid }) => kid),
      );
      return this.repository.known(trx);
    });
  }
}

function missing(setting: string): string {
  const make = setting.startsWith('shamir:') ? 'bulla keys shamir create' : 'bulla keys generate --root FILE';
  return `BULLA_ROOT_KEY: ${setting} is not there; make it with: ${make}`;
}

/** What cannot be asked now is asked before it is used. */
async function verified(provider: RootKeyProvider, check: string): Promise<boolean | undefined> {
  try {
    return await provider.verifyCheck(check);
  } catch (error) {
    if (error instanceof RootKeyFault) return error.code === 'wrong_key' ? false : undefined;
    throw error;
  }
}

async function checkOf(provider: RootKeyProvider): Promise<string | undefined> {
  try {
    return await provider.makeCheck();
  } catch (error) {
    if (error instanceof RootKeyFault) return undefined;
    throw error;
  }
}

/** What a provider says as what an asker is told. */
export async function asked<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RootKeyFault)) throw error;
    if (error.code === 'sealed') throw new Problem('sealed');
    if (error.code === 'unavailable') throw new Problem('overloaded', { detail: 'the root key cannot be reached' });
    // guard: root-fault-opaque without: throw new Problem('forbidden');
    throw new Problem('internal');
  }
}
