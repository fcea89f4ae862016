import type { PolicyWitnesses } from '@bulla/crypto';
import { CryptoError, utf8 } from '@bulla/crypto';
import type { NoteKey, ReadLogFile, TreeHead } from '@bulla/crypto/log';
import { makeConsistencyProof, treeHashesFrom, verifyCheckpoint, verifyConsistency } from '@bulla/crypto/log';

/** Files of cosigned checkpoints in the folder of a log, counted from 0; as many as a policy names witnesses. */
export const WITNESSED_MAX = 16;

/** Where a cosigned checkpoint lies below the folder of its log. */
export function witnessedPath(index: number): string {
  return `witnessed/${index}`;
}

/** What one witness has seen of a log: it signed that this was the newest tree, and continued all before. */
export interface WitnessSight {
  readonly name: string;
  readonly entries: number;
  /** Seconds, by the clock of the witness. */
  readonly at: number;
}

/** What the witnesses that the policy names have seen of a log. */
export interface WitnessedLog {
  /** How many the policy asks for. */
  readonly quorum: number;
  /** Names of all that it names. */
  readonly named: readonly string[];
  /** The newest of each, those that saw most first. */
  readonly seen: readonly WitnessSight[];
  /** How many entries as many witnesses as are asked for have seen, and when the last of them had; absent where too few have. */
  readonly reached?: { readonly entries: number; readonly at: number } | undefined;
}

export interface LogWitnessed {
  readonly origin: string;
  readonly read: ReadLogFile;
  /** Of the log. */
  readonly keys: readonly NoteKey[];
  readonly witnesses: PolicyWitnesses;
  /** The signed tree, which was verified. */
  readonly head: TreeHead;
}

/**
 * Reads what witnesses cosigned, and that all of it is of one log: each tree that one of them saw is the beginning of the
 * signed one. A checkpoint whose key of the log nobody lists any more shows nothing, and is passed over.
 * @throws {CryptoError} signature_invalid for a cosignature that is not good; log_inconsistent (fork, rollback)
 */
export async function readWitnessed(log: LogWitnessed): Promise<WitnessedLog> {
  const { witnesses } = log;
  const seen = new Map<string, WitnessSight>();
  for (let index = -1; index < WITNESSED_MAX; index++) {
    const note = await log.read(index < 0 ? 'checkpoint' : witnessedPath(index));
    if (note === undefined) continue;
    for (const sight of await sightsIn(log, note)) {
      const before = seen.get(sight.name);
      if (before === undefined || isNewer(sight, before)) seen.set(sight.name, sight);
    }
  }
  const sights = [...seen.values()].toSorted((left, right) => right.entries - left.entries || right.at - left.at);
  const counted = sights.slice(0, witnesses.quorum);
  const last = counted[witnesses.quorum - 1];
  return {
    quorum: witnesses.quorum,
    named: witnesses.keys.map(({ name }) => name),
    seen: sights,
    // Who saw more has seen these entries too.
    reached: last && { entries: last.entries, at: Math.max(...counted.map(({ at }) => at)) },
  };
}

/** As {@link readWitnessed}; undefined where that refuses something. */
export async function findWitnessed(log: LogWitnessed): Promise<WitnessedLog | undefined> {
  try {
    return await readWitnessed(log);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

async function sightsIn(log: LogWitnessed, note: Uint8Array): Promise<WitnessSight[]> {
  const { origin, keys, witnesses } = log;
  const trust = { origin, keys, witnesses: witnesses.keys };
  const verified = await verifyCheckpoint(note, trust).catch((error: unknown) => {
    if (error instanceof CryptoError && error.code === 'key_unknown') return undefined;
    throw error;
  });
  if (verified === undefined || verified.cosignatures.length === 0) return [];
  const { checkpoint } = verified;
  await requireBeginning(log, checkpoint);
  return verified.cosignatures.map(({ witness, at }) => ({ name: witness.name, entries: checkpoint.size, at }));
}

/** The proof is made from tiles that nobody need believe: it is verified. */
async function requireBeginning({ read, head }: LogWitnessed, seen: TreeHead): Promise<void> {
  // guard: witnessed-rollback
  if (seen.size > head.size)
    throw new CryptoError('log_inconsistent', 'a witness has seen more entries than the log shows', {
      check: 'rollback',
    });
  const proof = await makeConsistencyProof(seen.size, head.size, treeHashesFrom(read, head.size));
  try {
    // guard: witnessed-fork
    await verifyConsistency({ older: seen, newer: head, proof });
  } catch (cause) {
    const message = `the log does not begin with the ${seen.size} entries that a witness saw`;
    throw new CryptoError('log_inconsistent', message, { check: 'fork', cause });
  }
}

function isNewer(one: WitnessSight, other: WitnessSight): boolean {
  return one.entries > other.entries || (one.entries === other.entries && one.at > other.at);
}

/** The files of what a service says that witnesses cosigned. */
export function witnessedFiles(
  witnessed: readonly string[] | undefined,
): [path: string, note: Uint8Array<ArrayBuffer>][] {
  return (witnessed ?? []).slice(0, WITNESSED_MAX).map((note, index) => [witnessedPath(index), utf8(note)]);
}
