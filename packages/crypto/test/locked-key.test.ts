import { readFileSync } from 'node:fs';
import type { CryptoError } from '@bulla/crypto';
import { decodeBase64url, decodeUtf8, Secret, strictParse } from '@bulla/crypto';
import { parseLocked } from '@bulla/crypto/key-files';
import { openLocked } from '@bulla/crypto/open';
import { describe, expect, it } from '@jest/globals';
import { compactDecrypt } from 'jose';
import { readVectors } from './vectors.js';

interface Case {
  readonly name: string;
  /** `valid`, or the code of the refusal. */
  readonly result: string;
  readonly token: string;
  /** What the passphrase is stretched to, hexadecimal; @bulla/client tests that. */
  readonly key: string;
  readonly plaintext?: string;
}

const { cases } = readVectors('golden/locked-key.json') as {
  cases: [Case, ...Case[]];
};
const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** What a file holds, or why it does not open. */
async function outcome(token: string, key: string): Promise<object> {
  try {
    const opened = await openLocked(parseLocked(token), new Secret(bytesOf(key)));
    return { result: 'valid', plaintext: decodeUtf8(opened) };
  } catch (error) {
    return { result: (error as CryptoError).code };
  }
}

describe('golden locked files', () => {
  it.each(cases)('$name: $result', async ({ token, key, result, plaintext }) => {
    expect(await outcome(token, key)).toEqual(plaintext === undefined ? { result } : { result, plaintext });
  });

  it('open with any JOSE library once the passphrase is stretched', async () => {
    const { token, key, plaintext } = cases[0];
    const { plaintext: opened } = await compactDecrypt(token, bytesOf(key));
    expect(new TextDecoder().decode(opened)).toBe(plaintext);
  });

  it('are shown in docs/spec/locked-key.md as they are', () => {
    const page = readFileSync(new URL('../../../docs/spec/locked-key.md', import.meta.url), 'utf8');
    const shown = /```json\n([^`]+)\n```/.exec(page)?.[1] ?? '';
    const [header = ''] = cases[0].token.split('.');
    expect(JSON.parse(shown)).toEqual(strictParse(decodeBase64url(header), { maxBytes: 2048 }));
  });
});
