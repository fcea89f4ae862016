import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, it } from '@jest/globals';
import { decodeBase64url, newRowSecret, utf8, withNewRowSecret } from '@bulla/crypto';
import { RowSecrets } from './row-secrets.js';

const urn = 'urn:bulla:acme:svc:vault';
const file = { urn, rows: [newRowSecret(), newRowSecret()] };
const [newest, older] = file.rows as [ReturnType<typeof newRowSecret>, ReturnType<typeof newRowSecret>];
const LEAF = utf8('{"v":1,"act":"é"}');

it('seals by the newest secret, what the specification says', () => {
  const { id, mac } = RowSecrets.of(file).seal('acme', LEAF);
  const message = Buffer.concat([utf8('bulla audit row\n4:acme'), LEAF]);
  const expected = createHmac('sha256', decodeBase64url(newest.secret)).update(message).digest();
  expect([id, Buffer.from(mac)]).toEqual([newest.id, expected]);
  expect(RowSecrets.of(file).seal('acme', '{"v":1,"act":"é"}').mac).toEqual(mac);
});

it('takes what any of its secrets sealed, and knows no other', () => {
  const before = RowSecrets.of({ urn, rows: [older] }).seal('acme', LEAF);
  expect(RowSecrets.of(file).check('acme', LEAF, before)).toBe('good');
  const after = RowSecrets.of(withNewRowSecret(file)).seal('acme', LEAF);
  expect(RowSecrets.of(file).check('acme', LEAF, after)).toBe('unknown');
  expect(RowSecrets.of(file).check('acme', LEAF, { id: null, mac: null })).toBe('unknown');
});

it.each([
  ['another leaf', 'acme', utf8('{"v":1,"act":"e"}')],
  ['another organisation', 'other', LEAF],
  ['an organisation that has the beginning of the leaf', 'acme{', LEAF.subarray(1)],
])('refuses the MAC of a row under %s', (_, org, leaf) => {
  const secrets = RowSecrets.of(file);
  expect(secrets.check(org, leaf, secrets.seal('acme', LEAF))).toBe('bad');
});

it.each([
  ['no MAC', null],
  ['a shorter one', new Uint8Array(31)],
  ['another one', new Uint8Array(32)],
])('refuses %s under an id that it holds', (_, mac) => {
  expect(RowSecrets.of(file).check('acme', LEAF, { id: newest.id, mac })).toBe('bad');
});

it('writes nothing where there is no secret', () => {
  const none = RowSecrets.of({ urn });
  expect(none.canWrite).toBe(false);
  expect(() => none.seal('acme', LEAF)).toThrow('without a secret');
});

it('is not made of two secrets of one id, nor of what is not canonical', () => {
  expect(() => RowSecrets.of({ urn, rows: [newest, newest] })).toThrow('of one id');
  expect(() => RowSecrets.of({ urn, rows: [{ ...newest, secret: `${'A'.repeat(42)}B` }] })).toThrow('not canonical');
});

it('shows no secret to a printer', () => {
  const secrets = RowSecrets.of(file);
  const shown = `${inspect(secrets, { depth: 9, showHidden: true })}${JSON.stringify(secrets)}`;
  for (const { secret } of file.rows) expect(shown).not.toContain(secret);
  expect(shown).not.toContain(Buffer.from(decodeBase64url(newest.secret)).toString('hex'));
});
