import { basename, dirname } from 'node:path';
import { Bulla, identityOf } from '@bulla/client';
import type { Identity, Renewer } from '@bulla/client';
import type { KeyPlace, Profile } from '@bulla/client/node';
import { FileTrustStore, Home, IDENTITY, readEnrolment, readKeyFile, readProfile } from '@bulla/client/node';
import { Asker } from './input/asker.js';
import type { Io } from './io.js';
import type { Beholder } from './input/names.js';
import type { Part } from './output/output.js';
import { Output, styled } from './output/output.js';
import { Passphrases } from './input/passphrases.js';
import { readPeopleNames } from './output/people-names.js';
import type { RenewerSettings } from './home/renewer-home.js';
import { openRenewer } from './home/renewer-home.js';
import type { ClientSettings } from './input/settings.js';
import { readClientSettings, requireHttpUrl } from './input/settings.js';
import { UsageError } from './input/usage-error.js';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly profile?: string;
  readonly quiet?: boolean;
  readonly color?: boolean;
  readonly json?: boolean;
}

/** What a command works with. */
export class Context {
  readonly io: Io;
  readonly out: Output;
  readonly asker: Asker;
  readonly passphrases: Passphrases;
  /** The prompt or file that the command is about, for its errors. */
  subject: string | undefined;
  /** What the process ends with where nothing was thrown; it stays 0 unless a command says more. */
  exitCode = 0;
  #options: GlobalOptions = {};
  #settings: ClientSettings | undefined;
  #identity: Promise<Identity> | undefined;

  /** @param passphrases those that were given already, unless the command has none before it. */
  constructor(io: Io, passphrases?: Passphrases) {
    this.io = io;
    this.out = new Output(io);
    this.asker = new Asker(io, this.out);
    this.passphrases = passphrases ?? new Passphrases(io, this.asker);
  }

  /** Takes over the options that stand before or after the name of the command. */
  use(options: GlobalOptions): void {
    this.#options = options;
    if (options.quiet === true) this.out.beQuiet();
    if (options.color === false) this.out.beColourless();
  }

  /** Whether a program reads the results (--json, before the command or after it). */
  get asJson(): boolean {
    return this.#options.json === true;
  }

  /** What came of a command: a document for a program, a line for a person. */
  result(document: object, ...line: readonly Part[]): void {
    if (this.asJson) this.out.json(document);
    else this.out.line(...line);
  }

  /** @throws {SettingError} */
  get settings(): ClientSettings {
    this.#settings ??= readClientSettings(this.io.env);
    return this.#settings;
  }

  get home(): Home {
    return this.homeAt(this.settings.home);
  }

  /** A folder. The person who runs the command opens its locked files. */
  homeAt(folder: string | undefined): Home {
    return new Home(folder, (path, wrong) => this.passphrases.of(path, wrong));
  }

  /** A file of keys outside of the home folder, as a folder and a name; the folder keeps its mode. */
  placeOf(path: string): KeyPlace {
    return {
      home: new Home(dirname(path), (file, wrong) => this.passphrases.of(file, wrong), false),
      name: basename(path),
    };
  }

  /** Where keys of this user lie: the home folder, the one that is used where none is named, and a key file elsewhere. */
  get keyPlaces(): string[] {
    const { identity } = this.settings;
    return [this.home.folder, new Home().folder, ...(identity === undefined ? [] : [identity])];
  }

  /** The folder and name of this device's key file. */
  get identityFile(): KeyPlace {
    const path = this.settings.identity;
    return path === undefined ? { home: this.home, name: IDENTITY } : this.placeOf(path);
  }

  /** Says it where others may look into the home folder: the user who made the folder decides its mode. */
  async noteOpenHome(): Promise<void> {
    const { home } = this;
    // guard: open-home
    if (await home.isOpenToOthers())
      this.#note(`others may look into ${home.folder}, where keys are kept; run: chmod 700 ${home.folder}`);
  }

  /** Seconds. */
  now(): number {
    return Math.floor(Date.now() / 1000);
  }

  /** Where the vault is, which organisation is meant and its pin; undefined before `bulla init`. */
  async findProfile(): Promise<Profile | undefined> {
    const path = this.#options.profile ?? this.settings.profile;
    const profile =
      path === undefined ? await readProfile(this.home) : await readProfile(new Home(dirname(path)), basename(path));
    if (profile === undefined && path !== undefined) throw new UsageError(`there is no profile at ${path}`);
    const url = requireHttpUrl('--url', this.#options.url) ?? this.settings.url;
    return profile === undefined || url === undefined ? profile : { ...profile, vaultUrl: url };
  }

  /** @throws {UsageError} */
  async profile(): Promise<Profile> {
    const profile = await this.findProfile();
    if (profile === undefined) {
      if (await this.waitsToComeIn())
        throw new UsageError('this device is not in yet', 'run `bulla device enrol` again when it was approved');
      throw notSetUp(`there is no profile in ${this.home.folder}`);
    }
    return profile;
  }

  /** Whether this folder holds a request to come in that was not finished. */
  async waitsToComeIn(): Promise<boolean> {
    try {
      return (await readEnrolment(this.home)) !== undefined;
    } catch {
      // One that is broken: `bulla device enrol` says what becomes of it.
      return true;
    }
  }

  /** Who this device is, by its private keys; read and unlocked once. */
  identity(): Promise<Identity> {
    this.#identity ??= this.#readIdentity();
    return this.#identity;
  }

  /** As whom this command shows names: its device, and what people are called in this folder, by the newest directory seen. */
  async beholder(): Promise<Beholder> {
    const [{ urn: self }, names] = [await this.identity(), await readPeopleNames(this.home)];
    if (names.size === 0) return { self, personOf: () => undefined };
    const trust = await (await this.offline()).knownTrust();
    return { self, personOf: (urn) => names.get(trust?.userOf(urn) ?? '') };
  }

  /** Whether this folder is that of a device; that of a renewer has other keys. */
  async hasIdentity(): Promise<boolean> {
    const { home, name } = this.identityFile;
    return (await home.read(name)) !== undefined;
  }

  /** The renewer whose keys lie in this folder, or undefined. */
  async renewer(): Promise<Renewer | undefined> {
    return openRenewer(this.home, await this.renewerSettings());
  }

  /** What a renewer of this folder is opened with. */
  async renewerSettings(): Promise<RenewerSettings> {
    return { ...(await this.profile()), fetch: this.io.fetch, notice: (message) => this.#note(message) };
  }

  #note(message: string): void {
    this.out.talk('bulla: ', styled('note:', 'strong'), ` ${message}`);
  }

  async #readIdentity(): Promise<Identity> {
    const { home, name } = this.identityFile;
    const file = await readKeyFile(home, name);
    if (file === undefined) throw notSetUp(`there is no identity at ${home.path(name)}`);
    return identityOf(file);
  }

  /**
   * The SDK for this identity, which talks to the vault when something needs it.
   * @param toldWithinMs as in `ConnectOptions`; a command ends right after its answer, so 0 unless given.
   */
  async offline(fetcher: typeof fetch = this.io.fetch, toldWithinMs = 0): Promise<Bulla> {
    const { vaultUrl, pin } = await this.profile();
    return Bulla.offline({
      url: vaultUrl,
      pin,
      identity: await this.identity(),
      store: new FileTrustStore(this.home),
      fetch: fetcher,
      notice: (message) => this.#note(message),
      pii: this.settings.pii,
      toldWithinMs,
    });
  }

  /**
   * The SDK after the newest documents were verified against the pin. A command asks each time, so that it says what
   * is wrong with a vault before it sends anything else.
   */
  async connect(fetcher: typeof fetch = this.io.fetch, toldWithinMs?: number): Promise<Bulla> {
    const bulla = await this.offline(fetcher, toldWithinMs);
    await bulla.refreshTrust();
    await bulla.requireOwnKey();
    return bulla;
  }
}

function notSetUp(message: string): UsageError {
  return new UsageError(message, 'run `bulla up` (or npm start) once; or set BULLA_HOME to the folder that it used');
}
