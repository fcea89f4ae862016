import { readFileSync } from 'node:fs';
import type { PrivateJwk } from '@bulla/crypto';
import {
  CryptoError,
  decodeBase64url,
  encodeBase64url,
  publicJwkOf,
  sealingKeyOf,
  strictParse,
  verifyingKeyOf,
} from '@bulla/crypto';
import { keyMaterialOf } from '@bulla/crypto/key-files';
import { loadUnwrapper, openLetter } from '@bulla/crypto/open';
import { describe, expect, it } from '@jest/globals';
import { compactDecrypt, importJWK } from 'jose';
import { readVectors } from './vectors.js';

interface Case {
  readonly name: string;
  /** `valid`, or the code of the refusal. */
  readonly result: string;
  readonly token: string;
  readonly opener: string;
  readonly sender: string;
  readonly content?: string;
  readonly at?: number;
  readonly file?: string;
}
const { keys, cases } = readVectors('golden/letter.json') as {
  keys: Record<string, { readonly sig: PrivateJwk; readonly enc: PrivateJwk }>;
  cases: [Case, ...Case[]];
};
const page = readFileSync(new URL('../../../docs/spec/letter.md', import.meta.url), 'utf8');

function keyOf(name: string, use: 'sig' | 'enc'): PrivateJwk {
  const key = keys[name]?.[use];
  if (key === undefined) throw new Error(`nobody is called ${name}`);
  return key;
}

/** What opens, or why it does not. */
async function outcome({ token, opener, sender }: Case): Promise<object> {
  const own = keyOf(opener, 'enc');
  const { alg } = sealingKeyOf([await keyMaterialOf(own)]);
  const by = verifyingKeyOf([await keyMaterialOf(publicJwkOf(keyOf(sender, 'sig')))]);
  try {
    const { content, at, name } = await openLetter(token, await loadUnwrapper(own, alg), by);
    return { result: 'valid', content: encodeBase64url(content), at, ...(name !== undefined && { file: name }) };
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return { result: error.code };
  }
}

describe('golden letters', () => {
  it.each(cases)('$name: $result', async (vector) => {
    const { name: _name, token: _token, opener: _opener, sender: _sender, ...expected } = vector;
    expect(await outcome(vector)).toEqual(expected);
  });

  it('are shown in docs/spec/letter.md as they are', async () => {
    const [{ token, opener, content = '' }] = cases;
    const shown = [...page.matchAll(/```json\n([^`]+)\n```/g)].map(([, json]) => JSON.parse(json ?? '') as unknown);
    const text = /```text\n([^`]+)```/.exec(page)?.[1];
    const { plaintext } = await compactDecrypt(token, await importJWK(keyOf(opener, 'enc'), 'ECDH-ES+A256KW'));
    const headers = [token, new TextDecoder().decode(plaintext)].map((one) => one.split('.')[0] ?? '');
    expect(shown).toEqual(headers.map((header) => strictParse(decodeBase64url(header), { maxBytes: 2048 })));
    expect(text).toBe(new TextDecoder().decode(decodeBase64url(content)));
  });
});
