import type { TrustState } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { Action, Stage } from './actions.js';
import { act } from './actions.js';
import { firstDirectory, publishAfter } from './directories.js';
import { History } from './history.js';
import type { Home, RenewingHome, Surroundings } from './homes.js';
import { makeHome, makeRenewer, NOTHING, startProcess, WalkStore } from './homes.js';
import type { Setting } from './organisation.js';
import type { Plan } from './plan.js';
import type { Outcome, Truth } from './properties.js';
import { settle, settleRound, Violation } from './properties.js';
import { WalkVault } from './vault.js';
import type { View } from './view.js';
import { drawView, HONEST } from './view.js';

/** A fault that is planted, to see that walks find it. */
export interface Planted {
  /** What a client finds in its store in the place of what it wrote. */
  readonly forgets?: (held: TrustState) => TrustState;
  /** The same of a renewer, at the start of a round. */
  readonly renewerForgets?: (held: TrustState) => TrustState;
  /** Whether the clocks of clients stand still. */
  readonly clockStands?: boolean;
}

/** Why an honest vault's answer may be refused: somebody was faster, or has to do what the message says. */
const CURED = new Set(['label_stale', 'label_not_found', 'trust_expired', 'forbidden']);

/** One walk: a small organisation whose people and renewers act, while a vault shows each of them what it likes. */
export class Walk {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly around: Surroundings;
  readonly homes: readonly Home[];
  readonly renewers: readonly RenewingHome[];
  /** What happened, by what it came to. */
  readonly counts = new Map<string, number>();
  /** What happened, in order. */
  readonly told: string[] = [];
  seconds: number;
  readonly #planted: Planted;
  /** What somebody is shown until the vault thinks of something else. */
  readonly #kept = new Map<string, View>();

  private constructor(plan: Plan, setting: Setting, history: History, at: number, planted: Planted) {
    this.plan = plan;
    this.seconds = at;
    this.#planted = planted;
    this.stage = { setting, history };
    const now = () => this.seconds;
    this.around = { setting, vault: new WalkVault(setting, history, now), now };
    this.renewers = setting.renewers.map((_renewer, index) => makeRenewer(this.around, index));
    if (planted.clockStands === true) this.around = { ...this.around, now: () => at };
    this.homes = [...setting.signers, ...setting.askers].map((person) => makeHome(this.around, person));
  }

  static async start(setting: Setting, plan: Plan, planted: Planted = {}): Promise<Walk> {
    const first = firstDirectory(setting);
    const history = new History(setting, first);
    const at = first.issued + 60;
    history.publish(await publishAfter(setting, first, { at, order: 1, rules: plan.rules }));
    return new Walk(plan, setting, history, at, planted);
  }

  get truth(): Truth {
    return { history: this.stage.history, renewers: this.renewers, now: this.seconds };
  }

  /** People who may sign labels, unless they are revoked. */
  get signers(): readonly Home[] {
    return this.homes.slice(0, this.stage.setting.signers.length);
  }

  /** Whether the newest directory lets somebody in. */
  isIn({ person }: Home): boolean {
    return !this.stage.history.newestDirectory.revoked.has(person.identity.signer.kid);
  }

  /** The last of the askers remembers nothing: each time it is somebody new. */
  asNew(home: Home): void {
    if (home !== this.homes.at(-1)) return;
    home.store = new WalkStore();
    home.process = startProcess(this.around, home.person.identity, home.store);
    home.accepted = NOTHING;
  }

  /** What the vault shows somebody now. */
  viewFor(random: () => number, who: string): View {
    if (this.plan.isHonest) return HONEST;
    const kept = this.#kept.get(who);
    if (kept !== undefined && random() < 0.6) return kept;
    const view = drawView(random, this.stage.history);
    if (random() < 0.4) this.#kept.set(who, view);
    else this.#kept.delete(who);
    return view;
  }

  /**
   * Has somebody do something, and judges what they accepted.
   * @throws {Violation}
   */
  async do(home: Home, action: Action, view: View): Promise<Outcome> {
    this.forget(home);
    const outcome = await act(this.stage, home.process, view, action);
    this.tell(home, action, outcome);
    this.settle(home, [outcome]);
    return outcome;
  }

  /** Where that is the planted fault, a store has lost something. */
  forget({ store }: Home): void {
    if (store.held !== undefined && this.#planted.forgets !== undefined) store.held = this.#planted.forgets(store.held);
  }

  settle(home: Home, outcomes: readonly Outcome[]): void {
    settle(this.truth, home, outcomes);
    home.copies.push({ held: home.store.held, accepted: home.accepted });
    if (!this.plan.isHonest) return;
    for (const outcome of outcomes) this.#requireCurable(home, outcome);
  }

  #requireCurable({ person }: Home, { error, process }: Outcome): void {
    if (!(error instanceof BullaError)) return;
    const wasTaken = error.code !== 'label_stale' && process.caller.acts.some(({ kind }) => kind === 'confirm');
    if (wasTaken) throw new Violation('P4', `${person.name} was told that a confirmation failed: ${error.message}`);
    if (CURED.has(error.code)) return;
    throw new Violation('P4', `${person.name} was refused by an honest vault: ${codeOf(error)}: ${error.message}`);
  }

  /**
   * Has a renewer look at everything once.
   * @throws {Violation}
   */
  async round(renewer: RenewingHome, view: View): Promise<void> {
    const { store, caller } = renewer;
    if (store.held !== undefined && this.#planted.renewerForgets !== undefined)
      store.held = this.#planted.renewerForgets(store.held);
    caller.view = view;
    caller.acts = [];
    const name = `renewer ${this.renewers.indexOf(renewer) + 1}`;
    let error: unknown;
    try {
      const { held } = await renewer.renewer.round();
      for (const { why } of held) this.count(`round held: ${why.replaceAll(/\d+/g, 'N').slice(0, 40)}`);
    } catch (thrown) {
      if (!(thrown instanceof BullaError)) throw thrown;
      error = thrown;
      if (this.plan.isHonest) throw new Violation('P4', `${name} was refused by an honest vault: ${codeOf(thrown)}`);
    }
    this.note(`${name} makes a round`, `round: ${codeOf(error)}`, codeOf(error));
    settleRound(this.truth, renewer);
  }

  tell({ person }: Home, { kind, label, version }: Action, { error }: Outcome): void {
    const where = kind === 'run known' || kind === 'approve' ? '' : ` ${label}`;
    const what = kind === 'move' || kind === 'run known' ? `${kind}${where} ${version}` : `${kind}${where}`;
    this.note(`${person.name}: ${what}`, `${kind}: ${codeOf(error)}`, codeOf(error));
  }

  note(what: string, counted: string, outcome = 'done'): void {
    this.count(counted);
    this.told.push(`${what}: ${outcome}`);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** What came of something, for people and for counting. */
export function codeOf(error: unknown): string {
  if (!(error instanceof BullaError)) return 'done';
  return error.check === undefined ? error.code : `${error.code}/${error.check}`;
}
