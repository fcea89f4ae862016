import { timestampOf } from '@bulla/crypto';
import { grouped } from '../audit/counted-entries.js';
import type { WitnessedLog } from './witnessed-log.js';

/** The last second of the year 9999: what dates have four digits for. */
const DATES_END = 253_402_300_799;

/** What witnesses have seen of a log of this size, for people. */
export function witnessedText({ quorum, named, seen, reached }: WitnessedLog, size: number): string {
  const all = seen.map(({ name, entries, at }) => `${name} ${grouped(entries)} at ${timeText(at)}`);
  const missing = named.filter((name) => !seen.some((sight) => sight.name === name)).map((name) => `${name} none`);
  const each = [...all, ...missing].join(', ');
  const asked = `the policy asks for ${quorum} of ${named.length}`;
  if (reached === undefined) return `${seen.length} of the witnesses have seen this log, and ${asked}: ${each}`;
  const behind = size - reached.entries;
  const rest = behind === 0 ? '' : `, ${grouped(behind)} behind`;
  return `witnessed to ${grouped(reached.entries)} of ${grouped(size)} entries at ${timeText(reached.at)}${rest}; ${asked}: ${each}`;
}

/** A time that a witness gave, as it is shown. */
export function timeText(at: number): string {
  return at <= DATES_END ? timestampOf(at) : `second ${at}`;
}
