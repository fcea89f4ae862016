import { basename, dirname } from 'node:path';
import { Bulla, identityOf } from '@bulla/client';
import type { Identity } from '@bulla/client';
import type { Profile } from '@bulla/client/node';
import { FileTrustStore, Home, IDENTITY, readKeyFile, readProfile } from '@bulla/client/node';
import type { Io } from './io.js';
import { Output, styled } from './output.js';
import type { ClientSettings } from './settings.js';
import { readClientSettings, requireHttpUrl } from './settings.js';
import { UsageError } from './usage-error.js';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly profile?: string;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

/** What a command works with. */
export class Context {
  readonly io: Io;
  readonly out: Output;
  /** The prompt or file that the command is about, for its errors. */
  subject: string | undefined;
  #options: GlobalOptions = {};
  #settings: ClientSettings | undefined;

  constructor(io: Io) {
    this.io = io;
    this.out = new Output(io);
  }

  /** Takes over the options that stand before or after the name of the command. */
  use(options: GlobalOptions): void {
    this.#options = options;
    if (options.quiet === true) this.out.beQuiet();
    if (options.color === false) this.out.beColourless();
  }

  /** @throws {SettingError} */
  get settings(): ClientSettings {
    this.#settings ??= readClientSettings(this.io.env);
    return this.#settings;
  }

  get home(): Home {
    return new Home(this.settings.home);
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
    if (profile === undefined) throw notSetUp(`there is no profile in ${this.home.folder}`);
    return profile;
  }

  /** Who this device is, by its private keys. */
  async identity(): Promise<Identity> {
    const path = this.settings.identity;
    const file =
      path === undefined
        ? await readKeyFile(this.home, IDENTITY)
        : await readKeyFile(new Home(dirname(path)), basename(path));
    if (file === undefined) throw notSetUp(`there is no identity at ${path ?? this.home.path(IDENTITY)}`);
    return identityOf(file);
  }

  /** The SDK for this identity, which talks to the vault when something needs it. */
  async offline(fetcher: typeof fetch = this.io.fetch): Promise<Bulla> {
    const { vaultUrl, pin } = await this.profile();
    return Bulla.offline({
      url: vaultUrl,
      pin,
      identity: await this.identity(),
      store: new FileTrustStore(this.home),
      fetch: fetcher,
      notice: (message) => this.out.talk('bulla: ', styled('note:', 'strong'), ` ${message}`),
    });
  }

  /**
   * The SDK after the newest documents were verified against the pin. A command asks each time, so that it says what
   * is wrong with a vault before it sends anything else.
   */
  async connect(fetcher: typeof fetch = this.io.fetch): Promise<Bulla> {
    const bulla = await this.offline(fetcher);
    await bulla.refreshTrust();
    return bulla;
  }
}

function notSetUp(message: string): UsageError {
  return new UsageError(message, 'run `bulla up` (or npm start) once; or set BULLA_HOME to the folder that it used');
}
