import type { Home } from '@bulla/client/node';
import { DEVELOPMENT_ORG, FileTrustStore, readKeyFile, RENEWER_KEYS } from '@bulla/client/node';
import type { Context } from '../context.js';
import { Renewal } from './renewal.js';
import type { RenewerSettings } from './renewer-home.js';
import { handedLines, openRenewer } from './renewer-home.js';
import { goRound } from './rounds.js';

const HOUR_MS = 3_600_000;

/** The renewer of a development home while its services run: it says at the start, every hour and at the end what is the newest. */
export class HomeRenewer {
  readonly #home: Home;
  readonly #context: Context;
  readonly #ending = new AbortController();
  #renewal: Renewal | undefined;
  #begun = false;
  #rounds: Promise<void> | undefined;

  constructor(home: Home, context: Context) {
    this.#home = home;
    this.#context = context;
  }

  /**
   * The first round, as soon as the vault answers. It begins with what the device of this home has followed: a
   * person who worked here while the renewer was off has seen more than the renewer has.
   * What does not go well is said, and stops nothing.
   */
  async begin(vaultUrl: string, pin: string): Promise<void> {
    // A home whose directory is signed elsewhere may have none.
    if ((await readKeyFile(this.#home, RENEWER_KEYS)) === undefined) return;
    const { io, out } = this.#context;
    const say = (line: string) => out.talk(`bulla: renewer: ${line}`);
    const settings: RenewerSettings = { vaultUrl, org: DEVELOPMENT_ORG, pin, fetch: io.fetch, notice: say };
    this.#renewal = new Renewal(this.#home, settings, {
      out,
      handed: (back) => {
        for (const line of handedLines(back)) say(line);
      },
      say: () => undefined,
    });
    try {
      await this.#renewal.begin();
      const renewer = await openRenewer(this.#home, settings);
      for (const line of (await renewer?.follow(new FileTrustStore(this.#home))) ?? []) say(`follows ${line}`);
    } catch (error) {
      this.#renewal.fail(error);
    }
    this.#begun = await this.#renewal.round();
  }

  /** From now on a round every hour. */
  start(): void {
    const renewal = this.#renewal;
    if (renewal === undefined) return;
    const { signal } = this.#ending;
    this.#rounds = goRound({ round: () => renewal.round(), everyMs: HOUR_MS, begun: this.#begun, signal });
  }

  /** Ends with a round, while the vault still answers. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#rounds;
  }
}
