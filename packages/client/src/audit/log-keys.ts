import type { KeyRecord, Trust } from '@bulla/crypto';
import { fingerprint, isCheckpointKey } from '@bulla/crypto';
import type { NoteKey } from '@bulla/crypto/log';
import type { LogName } from '@bulla/crypto/log';
import { encodeNoteKey, noteKeyOf, originOf } from '@bulla/crypto/log';
import { checked } from '../connection/errors.js';

/** A key that directories list for checkpoints of a service. */
export interface LogKey {
  readonly note: NoteKey;
  readonly kid: string;
  /** The version of the newest of the directories at hand that lists it. */
  readonly listedIn: number;
  /** Whether the newest of them revokes it. */
  readonly revoked: boolean;
}

/** What became of the key of a checkpoint. */
export interface LogKeyStanding {
  readonly kid: string;
  readonly fingerprint: string;
  /** As other verifiers of such logs take it (C2SP signed-note). */
  readonly vkey: string;
  readonly listedIn: number;
  /** Whether the newest directory at hand lists it. */
  readonly isListed: boolean;
  readonly revoked: boolean;
}

/**
 * The keys that may sign a log: those of purpose `checkpoint` that the verified directories at hand list for its service and
 * its number; of a log from before there were numbers, those that bear none.
 * @param trusts the newest first; at least one.
 */
export function logKeysOf(trusts: readonly Trust[], name: LogName): Promise<LogKey[]> {
  const number = name.pin === undefined ? undefined : name.number;
  // guard: audit-log-key without: return keysOf(trusts, name, (record) => record.kid !== String(number));
  return keysOf(trusts, name, ({ log }) => log === number);
}

/** The keys of checkpoints of the same service that may sign another of its logs, and not this one. */
export function otherLogKeysOf(trusts: readonly Trust[], name: LogName): Promise<LogKey[]> {
  const number = name.pin === undefined ? undefined : name.number;
  return keysOf(trusts, name, ({ log }) => log !== number);
}

/** The highest number of a log whose key a directory lists for a service; undefined where it lists none. */
export function highestLogIn(trust: Trust, urn: string): number | undefined {
  const numbers = checkpointKeys(trust, urn).flatMap(({ log }) => log ?? []);
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

/** The lowest number of a log whose key one of some directories lists for a service; logs below it bear no pin in their names. */
export function lowestLogIn(trusts: readonly Trust[], urn: string): number | undefined {
  const numbers = trusts.flatMap((trust) => checkpointKeys(trust, urn)).flatMap(({ log }) => log ?? []);
  return numbers.length === 0 ? undefined : Math.min(...numbers);
}

async function keysOf(
  trusts: readonly Trust[],
  name: LogName,
  isOf: (record: KeyRecord) => boolean,
): Promise<LogKey[]> {
  const [newest] = trusts;
  const origin = originOf(name);
  const found = new Map<string, LogKey>();
  for (const trust of trusts) {
    for (const record of checkpointKeys(trust, name.urn)) {
      if (found.has(record.kid) || !isOf(record)) continue;
      const note = await checked(() => noteKeyOf(origin, record.jwk));
      const revoked = newest?.isRevoked(record.kid) === true;
      found.set(record.kid, { note, kid: record.kid, listedIn: trust.directoryRef.ver, revoked });
    }
  }
  return [...found.values()];
}

/** What is known of the key that signed; the one that stands best, where several did. */
export function standingOf(
  keys: readonly LogKey[],
  signed: readonly NoteKey[],
  newest: Trust,
): LogKeyStanding | undefined {
  const [key] = keys
    .filter(({ note }) => signed.includes(note))
    .toSorted((left, right) => Number(left.revoked) - Number(right.revoked) || right.listedIn - left.listedIn);
  if (key === undefined) return undefined;
  const { kid, listedIn, revoked, note } = key;
  const isListed = listedIn === newest.directoryRef.ver;
  return { kid, fingerprint: fingerprint(kid), vkey: encodeNoteKey(note), listedIn, isListed, revoked };
}

function checkpointKeys(trust: Trust, urn: string): readonly KeyRecord[] {
  // guard: audit-key-purpose without:
  //   return (trust.entity(urn)?.keys ?? []).filter(({ suite }) => suite === 'ed25519');
  return (trust.entity(urn)?.keys ?? []).filter((record) => isCheckpointKey(record));
}
