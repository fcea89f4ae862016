import { mintId } from '@bulla/crypto';
import type { LiveVerdict } from '../src/audit/audit.js';
import type { Bulla } from '../src/bulla.js';
import type { KeptHead } from '../src/audit/kept-heads.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { HeldEntry } from './held-log.js';
import type { LogForm } from './log-form.js';
import { numberedKey } from './log-form.js';
import { HeldLog, logHandlers } from './held-log.js';
import { pauseless } from './pauseless.js';
import type { World } from './world.js';
import { makeWorld } from './world.js';

/** An organisation whose vault and responder have logs, which tests begin anew and change. */
export class AuditWorld {
  readonly world: World;
  readonly form: LogForm;
  vault: HeldLog[] = [];
  responder: HeldLog[] = [];
  store = new MemoryTrustStore();
  /** An auditor who has seen nothing yet. */
  auditor!: Bulla;

  private constructor(world: World, form: LogForm) {
    this.world = world;
    this.form = form;
  }

  /** @param form of the names of its logs; `old` as they were before keys had numbers, unless given. */
  static async make(form: LogForm = 'old'): Promise<AuditWorld> {
    const world = await makeWorld();
    const { organisation } = world;
    const more = await Promise.all([2, 3, 4].map((number) => numberedKey(organisation.vault, number)));
    // The second responder is nowhere on this machine.
    await organisation.publish((draft) => {
      delete draft.entities[organisation.responders[1].urn];
      if (form === 'old') for (const { keys } of Object.values(draft.entities)) for (const key of keys) delete key.log;
      else draft.entities[organisation.vault.urn]?.keys.push(...more);
    });
    const made = new AuditWorld(world, form);
    made.serve();
    return made;
  }

  /** Answers honestly from the logs. */
  serve(): void {
    Object.assign(
      this.world.vault.service.lies,
      logHandlers(() => this.vault),
    );
    Object.assign(
      this.world.responder.service.lies,
      logHandlers(() => this.responder),
    );
  }

  /** New logs, and an auditor who has seen nothing of them. */
  async begin(): Promise<void> {
    this.vault = [await this.log('vault').begin()];
    this.responder = [await this.log('responder').begin()];
    this.world.responder.script.head = () => this.responder.at(-1)?.checkpoint;
    this.store = new MemoryTrustStore();
    this.auditor = await this.world.client(this.world.organisation.owner, { store: this.store, toldWithinMs: 0 });
    await this.sign();
  }

  log(of: 'vault' | 'responder', number = 1): HeldLog {
    const { organisation } = this.world;
    return new HeldLog(
      organisation,
      of === 'vault' ? organisation.vault : organisation.responders[0],
      number,
      this.form,
    );
  }

  /** The first log of the vault. */
  get first(): HeldLog {
    const [first] = this.vault;
    if (first === undefined) throw new Error('there is no log');
    return first;
  }

  /** Signs what is there, of every log. */
  async sign(): Promise<void> {
    for (const one of [...this.vault, ...this.responder]) await one.sign();
  }

  /** Entries in the vault's first log that nobody signed for, under a new checkpoint. */
  async fill(count: number): Promise<HeldLog> {
    await this.first.fill(count);
    await this.first.sign();
    return this.first;
  }

  /** What verifying finds; nobody waits for an entry that is about to be signed. */
  verdict(): Promise<LiveVerdict> {
    return pauseless(() => this.auditor.audit.verify());
  }

  /** Why each log is not good, if it is not. */
  async failures(): Promise<(string | undefined)[]> {
    const { logs } = await this.verdict();
    return logs.map(({ failure }) => failure && `${failure.check}: ${failure.message}`);
  }

  /** What each check of the vault's oldest log found. */
  async checks(): Promise<Record<string, string>> {
    const { logs } = await this.verdict();
    return Object.fromEntries((logs[0]?.checks ?? []).map(({ name, state, detail }) => [name, `${state}: ${detail}`]));
  }

  async kept(): Promise<readonly KeptHead[]> {
    const state = await this.store.load('acme', this.world.organisation.pin);
    return state?.heads ?? [];
  }
}

export function entryOf(held: HeldLog, index: number): HeldEntry {
  const entry = held.entries[index];
  if (entry === undefined) throw new Error(`there is no entry ${index}`);
  return entry;
}

/** Puts another entry in the place of one. */
export function changeEntry(held: HeldLog, index: number, members: object = { id: mintId('aud') }): void {
  const { evidence, leaf } = entryOf(held, index);
  held.entries[index] = { evidence, leaf: JSON.stringify({ ...(JSON.parse(leaf) as object), ...members }) };
}
