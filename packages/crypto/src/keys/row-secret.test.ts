import { expect, it } from '@jest/globals';
import { decodeBase64url } from '../encoding/bytes.js';
import { newRowSecret, ROW_SECRETS_MAX, rowSecretsSchema, withNewRowSecret } from './row-secret.js';

it('makes secrets of 32 bytes with an id of 8, no two alike', () => {
  const [one, other] = [newRowSecret(), newRowSecret()];
  expect([decodeBase64url(one.id), decodeBase64url(one.secret)].map(({ length }) => length)).toEqual([8, 32]);
  expect([one.id, one.secret]).not.toEqual([other.id, other.secret]);
  expect(rowSecretsSchema.safeParse([one, other]).success).toBe(true);
});

it('puts the newest first, and keeps sixteen', () => {
  let file: ReturnType<typeof withNewRowSecret> = withNewRowSecret({});
  const [first] = file.rows;
  for (let count = 1; count < ROW_SECRETS_MAX; count++) file = withNewRowSecret(file);
  expect([file.rows.length, file.rows.at(-1)]).toEqual([ROW_SECRETS_MAX, first]);
  const { rows } = withNewRowSecret(file);
  expect([rows.length, rows.slice(1)]).toEqual([ROW_SECRETS_MAX, file.rows.slice(0, -1)]);
});

it.each([
  ['no secret', []],
  ['more than sixteen', Array.from({ length: ROW_SECRETS_MAX + 1 }, newRowSecret)],
  ['a short secret', [{ ...newRowSecret(), secret: 'AAAA' }]],
  ['an id of another length', [{ ...newRowSecret(), id: 'AAAA' }]],
  ['something beside them', [{ ...newRowSecret(), note: '' }]],
])('takes no list of %s', (_, rows) => {
  expect(rowSecretsSchema.safeParse(rows).success).toBe(false);
});
