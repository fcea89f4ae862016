import { CryptoError } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { makeConsistencyProof, treeHashesFrom, verifyConsistency } from '@bulla/crypto/log';
import type { LogCheck, LogFailure } from '../audit-verdict.js';
import { entriesText, grouped } from '../counted-entries.js';
import { isSameHead } from '../kept-heads.js';
import type { LogSource } from '../log-source.js';
import type { ToldHead } from './told-heads.js';

/** What answers told of a log, and what they are held against. */
export interface ToldToCheck {
  readonly told: readonly ToldHead[];
  /** The tree that was verified. */
  readonly head: TreeHead;
  readonly read: LogSource['read'];
  /** What the next log says of this one; it has ended then. */
  readonly ended?: TreeHead | undefined;
  /** Whether a larger head is shown to continue this one; where nobody can be asked it stays open. */
  readonly isPrefixOf?: ((larger: TreeHead, head: TreeHead) => Promise<boolean>) | undefined;
}

const NAME = 'told-heads';

/** Whether a log is the one of which answers told; undefined where none did. */
export async function checkTold(log: ToldToCheck): Promise<LogCheck | LogFailure | undefined> {
  const { told, head, read } = log;
  if (told.length === 0) return undefined;
  // guard: told-two-trees
  for (const one of told)
    if (told.some((other) => isOther(one, other))) return refused('fork', twoTrees(one), one, told);
  const within = told.filter(({ size }) => size <= head.size);
  // guard: told-in-tree
  for (const one of within) if (!(await holds(read, head, one))) return refused('fork', otherTree(one), one, told);
  const beyond = told.filter(({ size }) => size > head.size);
  const isIn = within.length === 0 ? [] : [`${headsText(within.length)} in this tree`];
  if (beyond.length === 0) return { name: NAME, state: 'passed', detail: isIn.join('') };
  const found = await findBeyond(log, beyond);
  if (typeof found !== 'string') return found;
  return { name: NAME, state: 'not_looked_for', detail: [...isIn, found].join('; ') };
}

/** Larger heads than the log has here: in words, or what is wrong with that. */
async function findBeyond(
  { head, ended, isPrefixOf }: ToldToCheck,
  beyond: readonly ToldHead[],
): Promise<string | LogFailure> {
  const most = Math.max(...beyond.map(({ size }) => size));
  const more = `answers told of ${entriesText(most)} of this log, ${grouped(most - head.size)} more`;
  // The next log says itself how much of this one was signed.
  if (ended !== undefined && ended.size >= most) return `${more}; they are lost`;
  if (isPrefixOf === undefined) return `${more}: this is older, and nothing here shows that those continue it`;
  for (const one of beyond) {
    // guard: told-rollback
    if (!(await isPrefixOf(one, head))) return refused('rollback', more, one, []);
  }
  return `${more}: the service has them, and has not signed them here yet`;
}

/** Whether a tree begins with an older one, by a proof that is made from its tiles. */
export async function holds(read: LogSource['read'], head: TreeHead, older: TreeHead): Promise<boolean> {
  try {
    const proof = await makeConsistencyProof(older.size, head.size, treeHashesFrom(read, head.size));
    await verifyConsistency({ older, newer: head, proof });
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function isOther(one: TreeHead, other: TreeHead): boolean {
  return one.size === other.size && !isSameHead(one, other);
}

function twoTrees({ size }: TreeHead): string {
  return `answers told of two trees of ${entriesText(size)}, each signed: the service shows each reader another log`;
}

function otherTree({ size }: TreeHead): string {
  return `it does not begin with the ${entriesText(size)} that an answer told of: the service shows each reader another log, or rewrote it`;
}

function headsText(count: number): string {
  return count === 1 ? '1 head that an answer brought is' : `${grouped(count)} heads that answers brought are`;
}

/** With the signed notes that prove it to others. */
function refused(kind: string, message: string, one: ToldHead, told: readonly ToldHead[]): LogFailure {
  const others = told.filter((other) => isOther(one, other));
  const checkpoints = [one, ...others].map(({ note }) => note);
  return { code: 'log_inconsistent', check: NAME, kind, message, checkpoints };
}
