import { readFileSync } from 'node:fs';
import { decodeBase64url, encodeBase64url, utf8 } from '@bulla/crypto';
import { expect, it } from '@jest/globals';
import type { RowVerdict } from './row-secrets.js';
import { RowSecrets } from './row-secrets.js';

// Rows as another program authenticated them, from the specification alone.

interface Vectors {
  readonly secrets: readonly { readonly id: string; readonly secret: string }[];
  readonly cases: readonly {
    readonly name: string;
    readonly result: RowVerdict;
    readonly org: string;
    readonly leaf: string;
    readonly id: string;
    readonly mac: string;
  }[];
}

const file = new URL('../../../conformance/vectors/golden/audit-rows.json', import.meta.url);
const { secrets, cases } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const urn = 'urn:bulla:acme:svc:vault';

it.each(cases)('says what is right of $name: $result', ({ org, leaf, id, mac, result }) => {
  const rows = RowSecrets.of({ urn, rows: [...secrets] });
  expect(rows.check(org, utf8(leaf), { id, mac: decodeBase64url(mac) })).toBe(result);
});

it.each(cases.filter(({ result }) => result === 'good'))('makes the same MAC of $name', ({ org, leaf, id, mac }) => {
  const writer = RowSecrets.of({ urn, rows: secrets.filter((one) => one.id === id) });
  const sealed = writer.seal(org, leaf);
  expect({ ...sealed, mac: encodeBase64url(sealed.mac) }).toEqual({ id, mac });
});
