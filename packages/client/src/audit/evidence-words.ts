import type { LogCheck } from './audit-verdict.js';
import { entriesText, grouped } from './audit-verdict.js';
import type { EvidenceCount } from './entry-judge.js';

/** What the evidence of a log speaks for, as a check; evidence that is not good has failed before. */
export function evidenceCheck({ signed, absent, erased, erasedBy, keyUnknown, none }: EvidenceCount): LogCheck {
  const all = signed + absent + erased + keyUnknown;
  const parts = [
    ...(signed === 0
      ? []
      : [`who asked signed for ${grouped(signed)} of the ${entriesText(all)} that requests brought about`]),
    ...(erased === 0 ? [] : [`that of ${entriesText(erased)} was erased, as ${placesText(erasedBy)}`]),
    ...(absent === 0 ? [] : [`the service has none for ${entriesText(absent)}, and no entry says that it was erased`]),
    ...(keyUnknown === 0 ? [] : [`${entriesText(keyUnknown)} by keys that no directory at hand lists`]),
    ...(none === 0 ? [] : [`${entriesText(none)} that no request brought about`]),
  ];
  return { name: 'evidence', state: signed === 0 ? 'not_looked_for' : 'passed', detail: parts.join('; ') };
}

function placesText(places: readonly string[]): string {
  const [first = '', ...more] = places;
  return more.length === 0 ? `${first} says` : `${first} and ${grouped(more.length)} more say`;
}
