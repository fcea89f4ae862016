import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { Bulla, BullaError, identityOf, publishOrganisation } from '@bulla/client';
import type { KeptHashes, OwnOrganisation, Release } from '@bulla/client/node';
import {
  DEVELOPMENT_ORG,
  FileTrustStore,
  Home,
  IDENTITY,
  prepareDevelopment,
  readKeyFile,
  RENEWER_MEMORY,
  RESPONDER_KEYS,
  setFutureAside,
  VAULT_KEYS,
} from '@bulla/client/node';
import type { HomeDatabase } from './home-database.js';
import { handBackAtHome } from './home-restore.js';
import type { Io } from '../io.js';
import type { Addresses, ServedOrganisation } from './standalone-package.js';

/**
 * Works in the home folder while no other Bulla does. A folder that was not there and stays empty is taken away again.
 * @throws {HomeError} naming the process that has it
 */
export async function withHome<Result>(home: Home, work: () => Promise<Result>): Promise<Result> {
  const isNew = !existsSync(home.folder);
  let release: Release | undefined;
  try {
    release = await home.lock('lock', 0);
    return await work();
  } finally {
    await release?.();
    if (isNew) await rmdir(home.folder).catch(() => undefined);
  }
}

/** The development organisation in a home folder, made, finished or renewed. */
export class DevelopmentHome {
  readonly #home: Home;
  readonly #io: Io;
  #made: OwnOrganisation | undefined;
  #addresses: Addresses = { vaultUrl: '', responderUrl: '' };
  #keptHashes: KeptHashes | undefined;

  constructor(home: Home, io: Io) {
    this.#home = home;
    this.#io = io;
  }

  /**
   * Writes what is missing.
   * @param keptHashes reads what the vault's database keeps of earlier directories.
   * @param beginsLogs whether the database is another than before: what was signed of its audit logs stays in that one.
   * @returns what the services need, one line for each change, and one for each file that is stale.
   */
  async prepare(
    { vaultUrl, responderUrl }: Addresses,
    { keptHashes, beginsLogs = false }: { keptHashes?: KeptHashes; beginsLogs?: boolean } = {},
  ): Promise<ServedOrganisation & Pick<OwnOrganisation, 'changes' | 'stale'>> {
    this.#keptHashes = keptHashes;
    const made = await this.#prepared({ vaultUrl, responderUrl }, beginsLogs);
    return {
      org: DEVELOPMENT_ORG,
      pin: made.pin,
      bootstrapSecret: made.bootstrapSecret,
      vaultKeysFile: this.#home.path(VAULT_KEYS),
      responderKeysFile: this.#home.path(RESPONDER_KEYS),
      changes: made.changes,
      stale: made.stale,
    };
  }

  /**
   * Brings the documents to the vault. Where its database is another than before, labels begin anew: what was seen of
   * them in the other database does not count. A database that was restored from a backup is still the same one: it
   * gets back what it has lost.
   * @returns one line for what was done about a restore
   */
  async publish(vaultUrl: string, database: HomeDatabase): Promise<readonly string[]> {
    const file = await readKeyFile(this.#home, IDENTITY);
    if (file === undefined || this.#made === undefined)
      throw new Error('an organisation is prepared before it is published');
    const identity = await identityOf(file);
    const restored = await handBackAtHome(this.#home, {
      vaultUrl,
      identity,
      pin: this.#made.pin,
      fetch: this.#io.fetch,
    });
    // What is signed here is published once an admin has said that all is back; until then the services run.
    if (restored?.waits === true) return restored.lines;
    const publish = (made: OwnOrganisation) =>
      publishOrganisation({ ...made, vaultUrl, identity, fetch: this.#io.fetch });
    let isNew: boolean;
    try {
      ({ isNew } = await publish(this.#made));
    } catch (error) {
      if (!(error instanceof BullaError) || error.check !== 'directory-version') throw error;
      // A command published and was ended before it could say so here: what the vault shows is verified, then renewed.
      const { pin } = this.#made;
      await Bulla.offline({
        url: vaultUrl,
        identity,
        pin,
        store: new FileTrustStore(this.#home),
        fetch: this.#io.fetch,
      }).catchUpTrust();
      ({ isNew } = await publish(await this.#prepared(this.#addresses)));
    }
    if (isNew || (database.isAnother && restored === undefined)) await this.#forgetLabels(this.#made.pin);
    await database.remember();
    return restored?.lines ?? [];
  }

  async #prepared(addresses: Addresses, beginsLogs = false): Promise<OwnOrganisation> {
    const now = Math.floor(Date.now() / 1000);
    const aside = await setFutureAside(this.#home, DEVELOPMENT_ORG, now);
    const made = await prepareDevelopment(this.#home, { ...addresses, now, keptHashes: this.#keptHashes, beginsLogs });
    [this.#made, this.#addresses] = [{ ...made, changes: [...aside, ...made.changes] }, addresses];
    return this.#made;
  }

  /** Of the device and of the renewer, which goes on: its memory is not lost. */
  async #forgetLabels(pin: string): Promise<void> {
    for (const store of [new FileTrustStore(this.#home), new FileTrustStore(this.#home, RENEWER_MEMORY)]) {
      const state = await store.load(DEVELOPMENT_ORG, pin);
      if (state !== undefined)
        await store.update(DEVELOPMENT_ORG, pin, (current) => ({ ...(current ?? state), names: [] }));
    }
  }
}
