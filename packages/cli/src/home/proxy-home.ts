import type { Home, Release } from '@bulla/client/node';
import { HomeError } from '@bulla/client/node';

const TOKEN = 'proxy.token';
const RECORD = 'proxy.json';
const LOCK = 'proxy.lock';
/** Longer than it takes to see whether somebody holds it. */
const LOOK_MS = 1_000;

/** What the home folder keeps of its proxy: what apps show, and where it runs. */
export class ProxyHome {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  /** Absolute path of the file with the token. */
  get tokenFile(): string {
    return this.#home.path(TOKEN);
  }

  /** One home, one proxy. @throws {HomeError} naming the process of another one */
  hold(): Promise<Release> {
    // A look at it, as below, takes a moment.
    return this.#home.lock(LOCK, LOOK_MS, 'let apps use that one; `bulla proxy status` says where it is');
  }

  /** Whether the process of a proxy lives. */
  async #isHeld(): Promise<boolean> {
    try {
      const release = await this.#home.lock(LOCK, 0);
      await release();
      return false;
    } catch (error) {
      if (error instanceof HomeError) return true;
      throw error;
    }
  }

  /** The token that was made before; undefined before the first start. @throws {HomeError} if others may read it */
  async findToken(): Promise<string | undefined> {
    const text = (await this.#home.readSecret(TOKEN))?.trimEnd();
    if (text === '') throw new HomeError(`${this.tokenFile} is empty; remove it, and the next start makes another one`);
    return text;
  }

  async writeToken(token: string): Promise<void> {
    await this.#home.writeSecret(TOKEN, `${token}\n`);
  }

  /** Where the proxy runs, as it wrote itself; undefined if none does. */
  async findOrigin(): Promise<string | undefined> {
    const text = await this.#home.read(RECORD);
    // One that was killed leaves its word behind, and who took its port since is not to be shown the key.
    // guard: proxy-record-dead
    if (text === undefined || !(await this.#isHeld())) return undefined;
    try {
      const { origin } = JSON.parse(text) as { origin?: unknown };
      return typeof origin === 'string' ? origin : undefined;
    } catch {
      return undefined;
    }
  }

  async writeOrigin(origin: string): Promise<void> {
    await this.#home.write(RECORD, `${JSON.stringify({ origin })}\n`);
  }

  async forgetOrigin(): Promise<void> {
    await this.#home.remove(RECORD);
  }
}
