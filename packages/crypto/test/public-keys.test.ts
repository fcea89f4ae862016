import { readFileSync } from 'node:fs';
import type { CryptoError } from '@bulla/crypto';
import { decodeBase64url, strictParse } from '@bulla/crypto';
import { readPublicKeys } from '@bulla/crypto/key-files';
import { describe, expect, it } from '@jest/globals';
import { readVectors } from './vectors.js';

interface Case {
  readonly name: string;
  /** `valid`, or the code of the refusal. */
  readonly result: string;
  readonly check?: string;
  readonly token: string;
  readonly urn?: string;
  readonly kid?: string;
}

const { cases } = readVectors('golden/public-keys.json') as {
  cases: [Case, ...Case[]];
};
const page = readFileSync(new URL('../../../docs/spec/public-keys.md', import.meta.url), 'utf8');

async function outcome(token: string): Promise<object> {
  try {
    const { urn, kid, keys } = await readPublicKeys(token);
    return { result: 'valid', urn, kid, uses: keys.map(({ use }) => use) };
  } catch (error) {
    const { code, check } = error as CryptoError;
    return { result: code, ...(check !== undefined && { check }) };
  }
}

describe('golden stated keys', () => {
  it.each(cases)(
    '$name: $result [guard: public-keys-signature] [guard: public-keys-organisation]',
    async ({ name: _name, token, ...expected }) => {
      const uses = expected.result === 'valid' ? { uses: ['sig', 'enc'] } : {};
      expect(await outcome(token)).toEqual({ ...expected, ...uses });
    },
  );

  it('are shown in docs/spec/public-keys.md as they are, keys cut short', () => {
    const shown = JSON.parse(/```json\n([^`]+)\n```/.exec(page)?.[1] ?? '') as object;
    const payload = strictParse(decodeBase64url(cases[0].token.split('.')[1] ?? ''), { maxBytes: 1 << 16 });
    const cut: unknown = JSON.parse(JSON.stringify(payload).replaceAll(/("n":"[\w-]{16})[\w-]+"/g, '$1…"'));
    expect(shown).toEqual(cut);
  });

  it('are refused for what docs/spec/public-keys.md lists', () => {
    const listed = [...page.matchAll(/^\| \d+ \| `(\w+)` \| `([\w-]+)` \|$/gm)].map(
      ([, code, check]) => `${code} ${check}`,
    );
    const held = cases.filter(({ check }) => check !== undefined).map(({ result, check }) => `${result} ${check}`);
    expect(listed).toEqual(held);
  });
});
