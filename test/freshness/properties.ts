import type { KnownDirectory } from './directories.js';
import { freshSecondsOf, waitingSecondsOf } from './directories.js';
import type { History, KnownPosition } from './history.js';
import { comesAfter, isSigned, isSignedLately } from './history.js';
import type { Accepted, Home, Process, RenewingHome } from './homes.js';
import { directoryIn, headsIn } from './homes.js';
import type { LabelName } from './organisation.js';
import { LABELS } from './organisation.js';

/** The largest difference between the clocks of honest machines, by the policy of every walk. */
const SKEW_SECONDS = 60;

export type Property = 'P1' | 'P2' | 'P3' | 'P4' | 'P5';

/** Something happened that may never happen. */
export class Violation extends Error {
  readonly property: Property;

  constructor(property: Property, message: string) {
    super(`${property}: ${message}`);
    this.property = property;
  }
}

/** For what a position was taken. */
type Use = 'used' | 'remembered' | 'moved on' | 'confirmed';

/** What is true while something is accepted. */
export interface Truth {
  readonly history: History;
  readonly renewers: readonly RenewingHome[];
  /** Seconds. */
  readonly now: number;
}

/** What a process came to. */
export interface Outcome {
  readonly process: Process;
  /** The position that it took, where it says so. */
  readonly took?: { readonly label: LabelName; readonly pos: string } | undefined;
  /** What a person put in the place of what was remembered. */
  readonly adopted?: LabelName | undefined;
  /** Undefined where nothing was refused. */
  readonly error: unknown;
}

export const said = ({ label, seq, pos }: KnownPosition) => `${label}#${seq} (${pos.slice(0, 6)})`;

/**
 * Checks all that a home accepted while its processes were at work, and notes it.
 * @throws {Violation}
 */
export function settle(truth: Truth, home: Home, outcomes: readonly Outcome[]): void {
  const { history, now } = truth;
  const before = home.accepted;
  const heads = headsIn(home.store, history);
  const adopted = outcomes.flatMap((outcome) => outcome.adopted ?? []);
  const after: Partial<Record<LabelName, KnownPosition>> = { ...before.heads };
  const take = (position: KnownPosition, use: Use, directories: readonly KnownDirectory[]) => {
    requireAfter(home.person.name, before, position, use);
    if (!(use === 'moved on' || use === 'confirmed') || !wasAdopted(before, position, directories, now))
      requireGood(truth, home.person.name, position, use, directories);
    const known = after[position.label];
    if (known === undefined || comesAfter(position, known)) after[position.label] = position;
  };
  const confirm = (position: KnownPosition, directories: readonly KnownDirectory[]) => {
    if (wasAdopted(before, position, directories, now) || isVouched(position, directories, now)) return;
    throw new Violation('P3', `${home.person.name} confirmed ${said(position)}, for which no renewer vouched`);
  };
  for (const { process, took, error } of outcomes) {
    const directories = judgedBy(process, history);
    for (const { kind, position } of process.caller.acts) {
      if (kind === 'confirm') {
        take(position, 'confirmed', directories);
        confirm(position, directories);
      } else if (position.parent !== undefined) take(position.parent, 'moved on', directories);
      if (kind === 'approve') requireWaiting(home.person.name, position, directories, now);
    }
    const position = history.positions.get(took?.pos ?? '');
    if (position !== undefined) take(position, 'used', directories);
    if (error === undefined) requireFreshDirectory(truth, home.person.name, directories);
  }
  const all = outcomes.flatMap(({ process }) => judgedBy(process, history));
  for (const label of LABELS) {
    const head = heads[label];
    if (head === undefined || head === before.heads[label] || adopted.includes(label)) continue;
    take(head, 'remembered', all);
  }
  const directory = directoryIn(home.store, history);
  requireDirectoryAfter(home.person.name, before, directory);
  if (directory !== undefined && directory !== before.directory)
    requireFreshDirectory(truth, home.person.name, [directory]);
  home.accepted = { heads: after, adopted: before.adopted, directory: directory ?? before.directory };
  for (const label of adopted) home.accepted = withAdopted(home.accepted, label, heads[label], now);
}

function withAdopted(accepted: Accepted, label: LabelName, position: KnownPosition | undefined, at: number): Accepted {
  if (position === undefined) throw new Error(`${label} was adopted, and is not remembered`);
  const { heads, adopted } = accepted;
  return {
    ...accepted,
    heads: { ...heads, [label]: position },
    adopted: { ...adopted, [label]: { position, at } },
  };
}

/** Directories by which a process may have judged since it was last looked at. */
function judgedBy({ judgedBy: hashes }: Process, { directories }: History): KnownDirectory[] {
  return directories.filter(({ hash }) => hashes.includes(hash));
}

function wasAdopted(
  { adopted }: Accepted,
  position: KnownPosition,
  directories: readonly KnownDirectory[],
  now: number,
): boolean {
  const known = adopted[position.label];
  if (known?.position !== position) return false;
  return directories.some((directory) => now < known.at + freshSecondsOf(directory) + SKEW_SECONDS);
}

/** A person can join in a move only if somebody signed it while others could still join in it. */
function requireWaiting(
  who: string,
  { votes, ...position }: KnownPosition,
  directories: readonly KnownDirectory[],
  now: number,
): void {
  const count = Math.max(0, ...directories.map(waitingSecondsOf)) + SKEW_SECONDS;
  const others = votes.filter(({ user }) => user !== votes.at(-1)?.user);
  if (!others.some(({ iat }) => now <= iat + count))
    throw new Violation('P2', `${who} joined in ${said({ ...position, votes })}, which had ended`);
}

/** A person who makes a position last needs a renewer's word for it, also where its tags are enough to use it. */
function isVouched({ words }: KnownPosition, directories: readonly KnownDirectory[], now: number): boolean {
  const count = Math.max(0, ...directories.map(freshSecondsOf)) + SKEW_SECONDS;
  return words.some(({ iat }) => now <= iat + count);
}

function requireAfter(who: string, { heads }: Accepted, position: KnownPosition, use: Use): void {
  const known = heads[position.label];
  if (known === undefined || comesAfter(position, known)) return;
  throw new Violation('P1', `${who}, who accepted ${said(known)}, ${use} ${said(position)}`);
}

/** Enough people signed it, and it was the newest a few days ago, by one of the directories that may have been asked. */
function requireGood(
  truth: Truth,
  who: string,
  position: KnownPosition,
  use: Use,
  directories: readonly KnownDirectory[],
): void {
  const { now } = truth;
  if (!directories.some((directory) => isSigned(position, directory, now)))
    throw new Violation('P2', `${who} ${use} ${said(position)}, which too few signed`);
  // A deletion counts until its tags end.
  if (position.version === 0) return;
  const good = directories.some((directory) => now <= endOf(truth, position, directory));
  if (!good) throw new Violation('P3', `${who} ${use} ${said(position)}, which every renewer knew to be over`);
}

/** Seconds: when a position is over, at the latest; never as long as some renewer has seen nothing after it. */
function endOf({ renewers }: Truth, position: KnownPosition, directory: KnownDirectory): number {
  const passed = Math.max(...renewers.map((renewer) => renewer.passed.get(position) ?? Number.POSITIVE_INFINITY));
  const lately = Math.max(0, ...position.votes.map(({ iat }) => iat));
  return Math.max(passed, lately) + freshSecondsOf(directory) + SKEW_SECONDS;
}

function requireDirectoryAfter(who: string, { directory: known }: Accepted, next: KnownDirectory | undefined): void {
  if (known === undefined || next === undefined || comesAfter(next, known)) return;
  throw new Violation('P5', `${who} followed directory ${next.payload.version} after ${known.payload.version}`);
}

function requireFreshDirectory({ renewers, now }: Truth, who: string, directories: readonly KnownDirectory[]): void {
  const isFresh = directories.some((directory) => {
    const passed = Math.max(...renewers.map((renewer) => renewer.passed.get(directory) ?? Number.POSITIVE_INFINITY));
    return now <= Math.max(passed, directory.issued) + freshSecondsOf(directory) + SKEW_SECONDS;
  });
  if (!isFresh) throw new Violation('P5', `${who} judged by a directory which every renewer knew to be over`);
}

/**
 * Checks what a renewer took into its memory and what it said in a round, and notes it.
 * @throws {Violation}
 */
export function settleRound({ history, now }: Truth, renewer: RenewingHome): void {
  const { accepted: before, caller, passed, vouched } = renewer;
  const heads = headsIn(renewer.store, history);
  const directory = directoryIn(renewer.store, history);
  requireDirectoryAfter('a renewer', before, directory);
  for (const label of LABELS) {
    const head = heads[label];
    if (head === undefined || head === before.heads[label] || directory === undefined) continue;
    requireAfter('a renewer', before, head, 'remembered');
    if (!isSigned(head, directory, now, { expiredToo: true }))
      throw new Violation('P2', `a renewer remembered ${said(head)}, which too few signed`);
    if (before.heads[label] === undefined && !isSignedLately(head, directory, now))
      throw new Violation('P2', `a renewer began with ${said(head)}, which was not signed lately`);
    pass(passed, head.parent, now);
  }
  for (const { position } of caller.acts) {
    if (position !== heads[position.label])
      throw new Violation('P3', `a renewer called ${said(position)} the newest, which it does not remember as that`);
    const isFirst = !vouched.has(position);
    if (isFirst && (directory === undefined || !isSignedLately(position, directory, now)))
      throw new Violation('P3', `a renewer began to call ${said(position)} the newest, which was not signed lately`);
    vouched.add(position);
  }
  pass(passed, directory?.parent, now);
  renewer.accepted = { ...before, heads, directory };
}

/** Notes that something comes after one, and after all before it. */
function pass(passed: RenewingHome['passed'], last: KnownPosition | KnownDirectory | undefined, now: number): void {
  for (let at = last; at !== undefined; at = at.parent) if (!passed.has(at)) passed.set(at, now);
}
