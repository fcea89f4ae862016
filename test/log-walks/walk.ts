import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@bulla/crypto';
import { parseCheckpoint, parseNote, parseOrigin } from '@bulla/crypto/log';
import { randomFrom } from '@bulla/testkit';
import { Attacker } from './attacks.js';
import { Judge, Violation } from './judge.js';
import type { LogKeys } from './log-keys.js';
import { Process } from './process.js';
import { failureOf, Reader, Watcher } from './readers.js';
import type { Kind, Step, StepName, WalkParts } from './step.js';
import type { Backup } from './world.js';
import { waitingRows } from './waiting-rows.js';
import { ORGS, World } from './world.js';

interface Party {
  readonly org: string;
  readonly judge: Judge;
  readonly auditor: Reader;
  readonly watcher: Watcher;
}

/** So many rounds everybody may need until all is well, once nobody attacks and a person does what the messages say. */
const ROUNDS = 8;

/**
 * One walk: a vault with its logs, those who read them, and who is up to no good. Not tried: two processes at one moment,
 * a machine that goes back as a whole (SECURITY.md), somebody who changes the folder of marks, what a process remembers of what
 * it told callers, set-aside, retention, evidence, and responders.
 */
export class Walk {
  readonly world: World;
  readonly told: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #kind: Kind;
  /** Of the step that is taken: what one does is not changed by those before it. */
  #random: () => number;
  readonly #attacker: Attacker;
  readonly #parties: readonly Party[];
  readonly #folder: string;
  readonly #backups: { readonly what: 'database' | 'folder' | 'keyFile'; readonly backup: Backup }[] = [];
  /** What went back since the last number began: of database and folder only one may, as SECURITY.md says. */
  #wentBack: 'database' | 'folder' | undefined;
  /** The database as it was when all was well last, as the operator keeps it. */
  #whole: Backup;

  constructor(keys: LogKeys, folder: string, { kind, seed, planted }: WalkParts) {
    this.#kind = kind;
    this.#random = randomFrom(seed);
    this.#folder = folder;
    this.world = new World(keys, join(folder, 'marks'), {
      isWitnessed: this.#random() < 0.5,
      planted,
      skewMs: { database: this.#skewMs(), readers: this.#skewMs() },
    });
    this.#attacker = new Attacker(this.world, () => this.#random());
    this.#whole = this.world.backUp('database');
    this.#parties = ORGS.map((org) => ({
      org,
      judge: new Judge(this.world, org),
      auditor: new Reader(this.world, org),
      watcher: new Watcher(this.world, org),
    }));
  }

  /** @throws {Violation} */
  async take({ name: step, seed }: Step): Promise<void> {
    this.#random = randomFrom(seed);
    this.world.clock.advance(1);
    const outcome = await this.#do(step);
    this.count(`${step}: ${outcome.replaceAll(/\d+/g, 'N')}`);
    this.told.push(`${step}: ${outcome}`);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #do(step: StepName): Promise<string> | string {
    const { world } = this;
    const party = this.#one(this.#parties);
    switch (step) {
      case 'decide':
        return this.#decide(party.org);
      case 'sequence':
        return this.#sequence(world.process);
      case 'sequence elsewhere':
        return this.#sequence(new Process(world, join(this.#folder, 'none')));
      case 'witness':
        return this.#witness(party, false);
      case 'audit':
        return this.#audit(party);
      case 'audit anew':
        return this.#auditAnew(party);
      case 'back up':
        return this.#backUp();
      case 'put back':
        return this.#putBack();
      case 'lose folder':
        return this.#loseFolder();
      case 'begin':
        return this.#begin();
      case 'publish':
        return this.#publish(party.org);
      case 'restart':
        world.restart();
        return 'done';
      case 'time':
        world.clock.advance(this.#random() < 0.8 ? 60 : 1_200);
        return 'done';
      case 'attack':
        return this.#attack();
      default:
        throw new Error('no such step');
    }
  }

  async #attack(): Promise<string> {
    await this.#noteWhole();
    return this.#noting(() => this.#attacker.attack(this.#kind === 'ended'));
  }

  /** No clock is off by more than that. */
  #skewMs(): number {
    return Math.floor((this.#random() * 2 - 1) * 45_000);
  }

  #one<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  }

  async #decide(org: string): Promise<string> {
    const isDone = await this.world.process.decide(org, 1 + Math.floor(this.#random() * 1_000_000));
    if (this.#kind !== 'honest') this.#attacker.look();
    return isDone ? `${org} decides` : `${org} is refused`;
  }

  async #sequence(process: Process): Promise<string> {
    const why = await process.sequence();
    const { folder, begins } = this.world;
    for (const name of readdirSync(folder).filter((one) => one.endsWith('-begin.json'))) {
      const { first } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { first?: string };
      if (first !== undefined) begins.add(first);
    }
    if (this.#kind !== 'honest') this.#attacker.look();
    return why ?? 'done';
  }

  async #witness({ watcher, judge }: Party, accepts: boolean): Promise<string> {
    const before = watcher.state;
    const outcome = await watcher.pass(accepts);
    for (const [origin, note] of watcher.state)
      if (before.get(origin) !== note) judge.witnessed(origin, parseCheckpoint(parseNote(utf8(note)).text));
    return outcome;
  }

  async #audit({ auditor, judge }: Party): Promise<string> {
    const verdict = await auditor.verify();
    const isWell = await judge.found(verdict, true);
    return isWell ? 'well' : failureOf(verdict);
  }

  /** @param accepts whether they are told why, and accept what is lost. */
  async #auditAnew({ org, judge }: Party, accepts = false): Promise<string> {
    const reader = new Reader(this.world, org);
    if (accepts) await reader.acceptLosses();
    const verdict = await reader.verify();
    const isWell = await judge.found(verdict, false);
    return isWell ? 'well' : failureOf(verdict);
  }

  #backUp(): string {
    const what = this.#one(
      this.#kind === 'honest' ? (['database', 'folder', 'keyFile'] as const) : (['keyFile'] as const),
    );
    this.#backups.push({ what, backup: this.world.backUp(what) });
    return what;
  }

  #putBack(): Promise<string> | string {
    if (this.#backups.length === 0) return 'nothing';
    const { what, backup } = this.#one(this.#backups);
    if (what !== 'keyFile') {
      if (this.#wentBack !== undefined && this.#wentBack !== what) return 'not both';
      this.#wentBack = what;
    }
    return this.#noting(() => {
      this.world.putBack(backup);
      return what;
    });
  }

  #loseFolder(): string {
    if (this.#wentBack === 'database' || this.#kind !== 'honest') return 'not both';
    this.#wentBack = 'folder';
    this.world.putBack({ folder: new Map() });
    return 'done';
  }

  #begin(): string {
    const origins = this.#parties.flatMap(({ watcher }) => [...watcher.state.keys()]);
    const numbers = origins.map((origin) => parseOrigin(origin)?.number ?? 0);
    const shown = this.world.tables.of('audit_log').map(({ log }) => Number(log));
    return `number ${this.world.beginLogs([...numbers, ...shown])}`;
  }

  #publish(org: string): string {
    const [newest = 1] = this.world.keyFile.logs;
    const listed = this.world.listed(org);
    this.world.publish(org, [...new Set([newest, ...listed])]);
    return `number ${newest} for ${org}`;
  }

  /** Does something to the database; what only that had, and no log has to have. */
  async #noting(work: () => Promise<string> | string): Promise<string> {
    const before = waitingRows(this.world.tables);
    const outcome = await work();
    const after = waitingRows(this.world.tables);
    for (const [key, leaf] of before) if (!after.has(key)) this.world.taken.add(leaf);
    return outcome;
  }

  /**
   * Nobody attacks any more, and a person does what the messages say: then everybody accepts again.
   * @throws {Violation}
   */
  async settle(): Promise<void> {
    this.#random = randomFrom(0);
    let wrong = await this.#rounds();
    if (wrong !== undefined && this.#kind !== 'honest') {
      // What was changed in the database below a checkpoint only a backup of it brings back.
      await this.#noting(() => {
        this.world.putBack(this.#whole);
        return '';
      });
      this.told.push('the database is put back as it was when all was well');
      wrong = await this.#rounds();
    }
    if (wrong !== undefined) throw new Violation('P4', wrong);
    for (const { org, judge } of this.#parties) {
      const verdict = await new Reader(this.world, org).verify();
      if (verdict !== undefined) judge.requireWhole(verdict);
    }
  }

  /** @returns what is still wrong */
  async #rounds(): Promise<string | undefined> {
    let wrong: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      this.world.clock.advance(20);
      wrong = await this.#round();
      if (wrong.length === 0) return undefined;
    }
    return wrong.join('; ');
  }

  async #round(): Promise<string[]> {
    const wrong: string[] = [];
    for (const { org } of this.#parties)
      if (!(await this.world.process.decide(org, 7))) wrong.push(`${org} is refused`);
    const why = await this.#sequence(this.world.process);
    if (why !== 'done') wrong.push(`nothing is signed: ${why}`);
    if (LOSSES.has(why) || this.world.process.isClosed('acme') || !this.#isSetUp()) {
      this.told.push(`settling: ${why}, ${this.#begin()}`);
      for (const { org } of this.#parties) this.#publish(org);
      wrong.push('the next number has just begun');
    }
    for (const party of this.#parties) {
      const { org, auditor } = party;
      let outcome = await this.#witness(party, false);
      if (outcome === 'refused') outcome = await this.#witness(party, true);
      if (!WITNESSED.has(outcome)) wrong.push(`the witness of ${org}: ${outcome}`);
      await auditor.acceptLosses();
      const found = await this.#audit(party);
      if (found !== 'well' && !found.startsWith('accepted')) wrong.push(`the auditor of ${org}: ${found}`);
      const anew = await this.#auditAnew(party, true);
      if (anew !== 'well' && !anew.startsWith('accepted')) wrong.push(`a new auditor of ${org}: ${anew}`);
    }
    return wrong;
  }

  #isSetUp(): boolean {
    return readdirSync(this.world.folder).includes('log.json');
  }

  /** Where nothing is wrong with what the database shows, the operator has a backup of it. */
  async #noteWhole(): Promise<void> {
    for (const { org } of this.#parties) {
      const verdict = await new Reader(this.world, org).verify();
      if (verdict?.valid !== true || verdict.logs.length === 0) return;
    }
    this.#whole = this.world.backUp('database');
  }
}

const LOSSES = new Set(['changed', 'unauthenticated', 'number', 'key']);
const WITNESSED = new Set(['cosigned', 'same', 'accepted', 'none']);
