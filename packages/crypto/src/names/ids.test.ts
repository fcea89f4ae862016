import { describe, expect, it } from '@jest/globals';
import type { IdPrefix } from './patterns.js';
import { mintId, organisationUrn, parseUrn, recoveryUrn, urnOf } from './ids.js';
import { idPattern, LABEL_PATTERN, NAME_PATTERN, ORG_PATTERN } from './patterns.js';

const PREFIXES: IdPrefix[] = ['prm', 'env', 'inv', 'ivt', 'enr', 'dev', 'usr'];

/** The UUID in a TypeID. */
function uuidOf(id: string): bigint {
  let value = 0n;
  for (const character of id.slice(4))
    value = value * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(character));
  return value;
}

describe('an id', () => {
  it.each(PREFIXES)('with prefix %s fits its own pattern and no other', (prefix) => {
    const id = mintId(prefix);
    expect(PREFIXES.filter((other) => idPattern(other).test(id))).toEqual([prefix]);
  });

  it('holds a UUIDv7: the time in milliseconds, version and variant', () => {
    const uuid = uuidOf(mintId('prm', 0x0123_4567_89ab)).toString(16).padStart(32, '0');
    expect(uuid).toMatch(/^0123456789ab7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  });

  it('is random wherever a UUIDv7 is', () => {
    const uuids = Array.from({ length: 200 }, () => uuidOf(mintId('prm', 1)));
    const varying = Array.from(
      { length: 128 },
      (_, bit) => new Set(uuids.map((uuid) => (uuid >> BigInt(bit)) & 1n)).size,
    );
    const fixed = varying.flatMap((values, bit) => (values === 1 ? [bit] : []));
    // 48 bits of time, four of the version and two of the variant (RFC 9562 §5.7).
    const range = (first: number, count: number) => Array.from({ length: count }, (_, at) => first + at);
    expect(fixed).toEqual([...range(62, 2), ...range(76, 4), ...range(80, 48)]);
  });

  it('sorts by time', () => {
    const ids = [3, 1, 2].map((time) => mintId('prm', time * 1000));
    expect(ids.toSorted()).toEqual([ids[1], ids[2], ids[0]]);
  });

  it('is new each time', () => {
    expect(new Set(Array.from({ length: 100 }, () => mintId('inv', 1))).size).toBe(100);
  });

  it.each([
    ['letters outside the alphabet', 'prm_01hzzzzzzzzzzzzzzzzzzzzzil'],
    ['more than 128 bits', 'prm_81hzzzzzzzzzzzzzzzzzzzzzzz'],
    ['25 characters', 'prm_01hzzzzzzzzzzzzzzzzzzzzzz'],
    ['capitals', 'prm_01HZZZZZZZZZZZZZZZZZZZZZZZ'],
    ['a line break', `${mintId('prm')}\n`],
    ['no prefix', mintId('prm').slice(4)],
  ])('has no %s', (_name, id) => {
    expect(idPattern('prm').test(id)).toBe(false);
  });
});

describe('patterns', () => {
  it.each([
    [
      'organisations',
      ORG_PATTERN,
      ['a', 'acme', 'acme-2', '9', 'a'.repeat(63)],
      ['', '-acme', 'Acme', 'acme.eu', 'a:b', 'acme\n', 'a'.repeat(64)],
    ],
    [
      'names',
      NAME_PATTERN,
      ['a', 'claims/triage', 'a.b_c-d/e', 'a'.repeat(128)],
      ['', '/a', 'a/', 'a//b', '../a', 'a/../b', 'A', 'a b', 'a\n', 'a'.repeat(129), 'ä'],
    ],
    [
      'labels',
      LABEL_PATTERN,
      ['latest', '2026', 'constructor', 'a'.repeat(64)],
      ['', '-a', '.a', 'a/b', 'A', 'a\n', 'a'.repeat(65)],
    ],
  ])('of %s', (_name, pattern, good, bad) => {
    expect(good.filter((text) => !pattern.test(text))).toEqual([]);
    expect(bad.filter((text) => pattern.test(text))).toEqual([]);
  });
});

describe('a URN', () => {
  const dev = mintId('dev');

  it.each([
    ['an organisation', organisationUrn('acme'), { org: 'acme', kind: 'organisation', id: '' }],
    ['a recovery key', recoveryUrn('acme'), { org: 'acme', kind: 'recovery', id: '' }],
    ['a device', urnOf('acme', 'dev', dev), { org: 'acme', kind: 'dev', id: dev }],
    ['a vault', urnOf('acme', 'svc', 'vault'), { org: 'acme', kind: 'svc', id: 'vault' }],
    ['a responder', urnOf('acme', 'svc', 'responder:eu1'), { org: 'acme', kind: 'svc', id: 'responder:eu1' }],
    ['a gateway', urnOf('acme', 'svc', 'gateway:proxy'), { org: 'acme', kind: 'svc', id: 'gateway:proxy' }],
  ])('names %s', (_name, urn, parts) => {
    expect(parseUrn(urn)).toEqual(parts);
  });

  it.each([
    ['another scheme', 'urn:other:acme:dev'],
    ['no organisation', 'urn:bulla:'],
    ['an organisation in capitals', 'urn:bulla:Acme'],
    ['an unknown kind', 'urn:bulla:acme:robot:1'],
    ['a kind of every object', 'urn:bulla:acme:constructor:1'],
    ['a kind without an id', 'urn:bulla:acme:dev'],
    ['the id of another kind', `urn:bulla:acme:dev:${mintId('usr')}`],
    ['an unknown service', 'urn:bulla:acme:svc:clock'],
    ['a vault with a suffix', 'urn:bulla:acme:svc:vault:2'],
    ['a responder without a name', 'urn:bulla:acme:svc:responder:'],
    ['a responder with a further part', 'urn:bulla:acme:svc:responder:eu1:x'],
    ['a recovery key with an id', 'urn:bulla:acme:recovery:1'],
    ['a line break', `urn:bulla:acme:dev:${dev}\n`],
    ['a trailing colon', 'urn:bulla:acme:'],
  ])('does not have %s', (_name, urn) => {
    expect(parseUrn(urn)).toBeUndefined();
  });
});
