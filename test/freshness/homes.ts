import type { Identity, TrustState, TrustStore } from '@bulla/client';
import { firstMemory, Renewer } from '@bulla/client';
import { LabelKeeper } from '../../packages/client/src/labels/label-keeper.js';
import { headOf } from '../../packages/client/src/labels/label-memory.js';
import { ToldKeeper } from '../../packages/client/src/audit/told/told-keeper.js';
import { PiiGate } from '../../packages/client/src/pii/pii-gate.js';
import { PublicReader } from '../../packages/client/src/connection/public-reader.js';
import type { Session } from '../../packages/client/src/connection/session.js';
import { Transport } from '../../packages/client/src/connection/transport.js';
import { TrustKeeper } from '../../packages/client/src/trust/trust-keeper.js';
import { seenOf } from '../../packages/client/src/trust/trust-store.js';
import type { KnownDirectory } from './directories.js';
import type { History, KnownPosition } from './history.js';
import type { LabelName, Person, Setting } from './organisation.js';
import { LABELS, NAME } from './organisation.js';
import type { Caller, WalkVault } from './vault.js';
import { VAULT_URL } from './vault.js';
import { HONEST } from './view.js';

/** The store of a home: what it holds can be copied and put back. */
export class WalkStore implements TrustStore {
  held: TrustState | undefined;
  /** Told of each state that is written. */
  readonly #written: (state: TrustState) => void;
  #last: Promise<unknown> = Promise.resolve();

  constructor(held?: TrustState, written: (state: TrustState) => void = () => undefined) {
    this.held = held;
    this.#written = written;
  }

  load(): Promise<TrustState | undefined> {
    return Promise.resolve(this.held);
  }

  update(
    _org: string,
    _pin: string,
    change: (current: TrustState | undefined) => TrustState | Promise<TrustState>,
  ): Promise<TrustState> {
    const next = this.#last.then(async () => {
      this.held = await change(this.held);
      this.#written(this.held);
      return this.held;
    });
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** The same store for one of several processes, which is told of what it writes itself. */
  for(written: (state: TrustState) => void): TrustStore {
    return {
      load: () => this.load(),
      update: async (org, pin, change) => {
        const state = await this.update(org, pin, change);
        written(state);
        return state;
      },
    };
  }
}

/** What a home has accepted, by what the test saw of it. */
export interface Accepted {
  readonly heads: Readonly<Partial<Record<LabelName, KnownPosition>>>;
  readonly adopted: Readonly<Partial<Record<LabelName, { readonly position: KnownPosition; readonly at: number }>>>;
  readonly directory: KnownDirectory | undefined;
}
export const NOTHING: Accepted = { heads: {}, adopted: {}, directory: undefined };

/** One process of a home. */
export interface Process {
  readonly session: Session;
  readonly caller: Caller;
  /** Hashes of the directories by which it may have judged, the newest last. */
  readonly judgedBy: string[];
}

/** What every process of a walk works with. */
export interface Surroundings {
  readonly setting: Setting;
  readonly vault: WalkVault;
  readonly now: () => number;
}

/** Somebody's memory, and the process that works with it. */
export interface Home {
  readonly person: Person;
  store: WalkStore;
  process: Process;
  accepted: Accepted;
  readonly copies: { readonly held: TrustState | undefined; readonly accepted: Accepted }[];
}

export function makeHome(around: Surroundings, person: Person, store = new WalkStore()): Home {
  return { person, store, process: startProcess(around, person.identity, store), accepted: NOTHING, copies: [] };
}

/** A process of a home, as a client is made of its parts. */
export function startProcess({ setting, vault, now }: Surroundings, identity: Identity, store: WalkStore): Process {
  const caller: Caller = { urn: identity.urn, kid: identity.signer.kid, view: HONEST, acts: [] };
  const judgedBy: string[] = [];
  const note = ({ memory }: TrustState) => void judgedBy.push(memory.directory.hash);
  if (store.held !== undefined) note(store.held);
  const { org, pin } = setting.organisation;
  const fetcher = vault.fetchFor(caller);
  const vaultUrl = new URL(VAULT_URL);
  const reader = new PublicReader(fetcher);
  const keeper = new TrustKeeper({ org, pin, vaultUrl, reader, store: store.for(note), now });
  const withKnownKeys: TrustKeeper['withKnownKeys'] = (trust, work) => keeper.withKnownKeys(trust, work);
  const transport = new Transport({ identity, fetch: fetcher, now, retries: 0, withKnownKeys });
  const notice = () => undefined;
  const pii = new PiiGate({ mode: 'off' }, fetcher);
  const told = new ToldKeeper(keeper, 0);
  const labels = new LabelKeeper(keeper, now);
  const session = { identity, vaultUrl, keeper, labels, told, transport, pii, now, notice };
  return { session, caller, judgedBy };
}

/** A renewer with what it remembers, and what it did by what the test saw. */
export interface RenewingHome {
  readonly urn: string;
  readonly caller: Caller;
  store: WalkStore;
  renewer: Renewer;
  accepted: Accepted;
  /** Seconds: when it took something that comes after a position, or a directory. */
  readonly passed: Map<KnownPosition | KnownDirectory, number>;
  /** Positions that it once called the newest. */
  readonly vouched: Set<KnownPosition>;
}

export function makeRenewer(around: Surroundings, at: number): RenewingHome {
  const { setting, now } = around;
  const identity = setting.renewers[at];
  if (identity === undefined) throw new Error(`there is no renewer ${at}`);
  const caller: Caller = { urn: identity.urn, kid: identity.signer.kid, view: HONEST, acts: [] };
  const store = new WalkStore(firstMemory(setting.trust, now()));
  const home = {
    urn: identity.urn,
    caller,
    store,
    accepted: NOTHING,
    passed: new Map(),
    vouched: new Set<KnownPosition>(),
  };
  return { ...home, renewer: startRenewer(around, home) };
}

export function startRenewer(
  { setting, vault, now }: Surroundings,
  { caller, store }: Pick<RenewingHome, 'caller' | 'store'>,
): Renewer {
  const identity = setting.renewers.find(({ urn }) => urn === caller.urn);
  if (identity === undefined) throw new Error('this is no renewer');
  const { pin } = setting.organisation;
  return new Renewer({ url: VAULT_URL, identity, pin, store, fetch: vault.fetchFor(caller), now });
}

/** Where labels stand by what a store holds. */
export function headsIn({ held }: WalkStore, { positions }: History): Accepted['heads'] {
  const heads: Partial<Record<LabelName, KnownPosition>> = {};
  for (const label of LABELS) {
    const position = positions.get(headOf(seenOf(held, NAME), label)?.pos ?? '');
    if (position !== undefined) heads[label] = position;
  }
  return heads;
}

/** The directory that a store holds. */
export function directoryIn({ held }: WalkStore, { directories }: History): KnownDirectory | undefined {
  return directories.find(({ hash }) => hash === held?.memory.directory.hash);
}
