import { equal, ok } from 'node:assert/strict';
import { idPattern, NAME_PATTERN, organisationUrn, parseUrn, recoveryUrn, urnOf } from '@bulla/crypto';
import { normalizeAuthority } from '@bulla/crypto/http';
import { isLetterName } from '@bulla/crypto/letters';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** Names, ids, URNs and authorities. */
export function fuzz(input: Uint8Array): boolean {
  const text = textOf(input);
  const urn = parseUrn(text);
  if (urn !== undefined) equal(spelled(urn), text);
  const authority = read(() => normalizeAuthority(text, 'https'));
  if (authority !== undefined) equal(normalizeAuthority(authority, 'http').length <= authority.length, true);
  for (const matched of [NAME_PATTERN.test(text), idPattern('prm').test(text)]) ok(!matched || /^[!-~]+$/.test(text));
  // A letter is saved under its name: it may be no path, and bring no line or direction of its own.
  ok(!isLetterName(text) || !/[/\\\p{Cc}\u2028\u2029\u202a-\u202e]/u.test(text));
  return urn !== undefined || authority !== undefined;
}

function spelled({ org, kind, id }: NonNullable<ReturnType<typeof parseUrn>>): string {
  if (kind === 'organisation') return organisationUrn(org);
  return kind === 'recovery' ? recoveryUrn(org) : urnOf(org, kind, id);
}
