import type { LogCheck } from './audit-verdict.js';
import { entriesText, grouped } from './audit-verdict.js';
import type { EvidenceCount } from './entry-judge.js';

/** What the evidence of a log speaks for, as a check; evidence that is not good has failed before. */
export function evidenceCheck({ signed, absent, keyUnknown, none }: EvidenceCount): LogCheck {
  const all = signed + absent + keyUnknown;
  const parts = [
    ...(signed === 0
      ? []
      : [`who asked signed for ${grouped(signed)} of the ${entriesText(all)} that requests brought about`]),
    ...(absent === 0 ? [] : [`the service has none for ${entriesText(absent)}: it kept none, or erased it`]),
    ...(keyUnknown === 0 ? [] : [`${entriesText(keyUnknown)} by keys that no directory at hand lists`]),
    ...(none === 0 ? [] : [`${entriesText(none)} that no request brought about`]),
  ];
  return { name: 'evidence', state: signed === 0 ? 'not_looked_for' : 'passed', detail: parts.join('; ') };
}
