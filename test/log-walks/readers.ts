import { Problem } from '@bulla/contract';
import type { LiveVerdict, WitnessState } from '@bulla/client';
import { Audit } from '../../packages/client/src/audit/audit.js';
import { bullaError } from '../../packages/client/src/connection/errors.js';
import type { Session } from '../../packages/client/src/connection/session.js';
import { answer } from './shown-logs.js';
import type { World } from './world.js';
import { pinOf, urnOf } from './world.js';

type State = Record<string, unknown>;

/** Somebody who reads the logs of an organisation, with what the real client keeps of them. */
export class Reader {
  readonly org: string;
  readonly audit: Audit;
  #state: State | undefined;

  constructor(world: World, org: string) {
    this.org = org;
    const current = () => Promise.resolve(world.trust(org));
    const session = {
      identity: { org },
      vaultUrl: new URL('https://vault.example'),
      now: () => Math.floor((world.clock.nowMs() + world.skewMs.readers) / 1000),
      notice: () => {},
      told: { flush: () => Promise.resolve() },
      keeper: {
        current,
        refresh: current,
        withKnownKeys: async (trust: unknown, work: (trust: unknown) => Promise<unknown>) => work(trust),
        state: () => Promise.resolve(this.#state),
        change: (change: (state: State) => State) => {
          this.#state = change(this.#state ?? { pin: pinOf(org) });
          return Promise.resolve();
        },
      },
      transport: {
        call: async (name: string, _service: unknown, _trust: unknown, call: object) => {
          try {
            return await answer(world, org, name, call);
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
            throw bullaError(error.code, { message: error.message, origin: 'vault', status: error.status });
          }
        },
      },
    } as unknown as Session;
    this.audit = new Audit(session);
  }

  /** As a person does who reads what is lost, and says that it is so. */
  async acceptLosses(): Promise<void> {
    const verdict = await this.verify();
    if (verdict !== undefined) await this.audit.acceptLosses(verdict.logs.flatMap(({ losses }) => losses));
  }

  /** What is found of the logs; undefined where they cannot be read at all. */
  async verify(): Promise<LiveVerdict | undefined> {
    try {
      return await this.audit.verify();
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }
}

/** Whether an error is what a person is told, and no fault of the walk. */
export function isRefusal(error: unknown): boolean {
  const { name, code } = Object(error) as { name?: string; code?: string };
  return code !== undefined && name?.endsWith('Error') === true && name !== 'TypeError';
}

/** The witness of an organisation. */
export class Watcher {
  state: WitnessState = new Map();
  readonly #world: World;
  readonly #reader: Reader;

  constructor(world: World, org: string) {
    this.#world = world;
    this.#reader = new Reader(world, org);
  }

  /** @param accepts whether a person takes a number that does not stand upon what was signed */
  async pass(accepts = false): Promise<string> {
    if (!this.#world.isWitnessed) return 'none';
    const memory = {
      read: () => Promise.resolve(this.state),
      write: (state: WitnessState) => {
        this.state = state;
        return Promise.resolve();
      },
      keepEvidence: () => Promise.resolve('evidence'),
    };
    try {
      const urn = urnOf(this.#reader.org);
      const { logs } = await this.#reader.audit.cosign(
        this.#world.keys.witness,
        memory,
        accepts ? { accepts: urn } : {},
      );
      const [found] = logs;
      if (found?.outcome === 'failed') return `failed: ${found.error?.message ?? ''}`;
      return found?.outcome ?? 'nothing';
    } catch (error) {
      if (isRefusal(error)) return `failed: ${(error as Error).message}`;
      throw error;
    }
  }
}

/** Why somebody does not take all for good, in a few words. */
export function failureOf(verdict: LiveVerdict | undefined): string {
  if (verdict === undefined) return 'nothing can be read';
  if (verdict.valid) return 'accepted losses';
  const failures = verdict.logs.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const [first] = failures.toSorted((one, other) => Number(one.check === 'loss') - Number(other.check === 'loss'));
  return first === undefined ? 'no log' : `${first.check} ${first.kind ?? ''}: ${first.message}`;
}
