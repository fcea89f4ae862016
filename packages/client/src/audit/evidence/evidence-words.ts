import type { LogCheck, LogFailure } from '../audit-verdict.js';
import { entriesText, grouped } from '../counted-entries.js';
import type { EvidenceCount } from '../entry-judge.js';
import type { Misfit } from './misfit.js';

/** So many are named in a sentence; a verdict has them all. */
const NAMED_MAX = 3;

/** What the evidence of a log speaks for, as a check. */
export function evidenceCheck(count: EvidenceCount, misfits: readonly Misfit[]): LogCheck {
  const { signed, erased, erasedBy, ended, keyUnknown, keyUnknownAt, none, repeated } = count;
  const all = signed + misfits.length + erased + ended + keyUnknown;
  const parts = [
    ...(misfits.length === 0 ? [] : [misfitsText(misfits)]),
    ...(signed === 0
      ? []
      : [`who asked signed for ${grouped(signed)} of the ${entriesText(all)} that requests brought about`]),
    ...(erased === 0 ? [] : [`that of ${entriesText(erased)} was erased, as ${placesText(erasedBy)}`]),
    ...(ended === 0 ? [] : [`${entriesText(ended)} that end runs whose beginning is not near`]),
    ...(keyUnknown === 0
      ? []
      : [
          `${entriesText(keyUnknown)} by keys that no directory at hand lists (${indicesText(keyUnknownAt, keyUnknown)})`,
        ]),
    ...(none === 0 ? [] : [`${entriesText(none)} that no request brought about`]),
    ...(repeated === 0 ? [] : [`${entriesText(repeated)} that stand in the log a second time`]),
  ];
  const looked = signed === 0 ? 'not_looked_for' : 'passed';
  return { name: 'evidence', state: misfits.length === 0 ? looked : 'failed', detail: parts.join('; ') };
}

/** How many entries do not fit, and the first of them. */
export function misfitsText(misfits: readonly Misfit[]): string {
  const named = misfits.slice(0, NAMED_MAX).map(({ index, message }) => `entry ${grouped(index)}: ${message}`);
  const more = misfits.length - named.length;
  const rest = more === 0 ? '' : `; and ${grouped(more)} more`;
  const fit = misfits.length === 1 ? 'does' : 'do';
  return `${entriesText(misfits.length)} ${fit} not fit: ${named.join('; ')}${rest}`;
}

function placesText(places: readonly string[]): string {
  const [first = '', ...more] = places;
  return more.length === 0 ? `${first} says` : `${first} and ${grouped(more.length)} more say`;
}

function indicesText(first: readonly number[], count: number): string {
  const named = first.map((index) => grouped(index)).join(', ');
  return count > first.length ? `${named}, …` : named;
}

/** The failure of a log with entries that do not fit. */
export function ofMisfits(misfits: readonly Misfit[]): LogFailure | undefined {
  const [first] = misfits;
  if (first === undefined) return undefined;
  const entries = { first: first.index, last: first.index };
  const [code, check, kind] = ['signature_invalid', 'evidence', 'entry-evidence'] as const;
  return { code, check, kind, message: misfitsText(misfits), entries };
}
