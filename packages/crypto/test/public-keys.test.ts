import { readFileSync } from 'node:fs';
import type { CryptoError } from '@bulla/crypto';
import {
  decodeBase64url,
  encodeBase64url,
  generateKeyPair,
  isSealAlg,
  loadSigner,
  organisationUrn,
  privateJwkOf,
  publicJwkOf,
  strictParse,
  utf8,
} from '@bulla/crypto';
import { readPublicKeys, signPublicKeys } from '@bulla/crypto/key-files';
import { makeOrganisation } from '@bulla/crypto/testing';
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

describe('stated keys of a service', () => {
  it('hold the newest of each purpose, however many older ones stand before it', async () => {
    const { vault } = await makeOrganisation();
    const made = await Promise.all(
      (['http', 'http', 'http', 'http', 'fresh'] as const).map(async (purpose) => {
        const { kid, alg, privateJwk } = await generateKeyPair('p256', 'sig');
        return { kid, use: 'sig' as const, alg, suite: 'p256' as const, pur: [purpose], jwk: privateJwk };
      }),
    );
    const { keys } = await readPublicKeys(await signPublicKeys({ ...vault.keyFile, keys: made }, 0));
    expect(keys.map(({ kid }) => kid)).toEqual([0, 4, 1, 2].map((index) => made[index]?.kid));
  });

  const checkpointOf = (keys: readonly { pur: readonly string[]; kid: string }[]) =>
    keys.filter(({ pur }) => pur.includes('checkpoint')).map(({ kid }) => kid);

  it('hold the newest key for checkpoints, which does not sign them, wherever it stands in the file', async () => {
    const { vault, responders } = await makeOrganisation();
    const [{ keyFile }] = responders;
    const other = checkpointOf(vault.keyFile.keys);
    const renewed = [...vault.keyFile.keys.filter(({ kid }) => other.includes(kid)), ...keyFile.keys];
    const { kid, keys } = await readPublicKeys(await signPublicKeys({ ...keyFile, keys: renewed }, 0));
    expect(kid).toBe(responders[0].sig.kid);
    expect(keys.map((key) => key.kid)).toEqual([responders[0].sig.kid, responders[0].enc?.kid, ...other]);
  });

  it('are not signed by a key for checkpoints [guard: public-keys-checkpoint]', async () => {
    const { vault } = await makeOrganisation();
    const { keyFile } = vault;
    const [key] = keyFile.keys.filter(({ pur }) => pur.includes('checkpoint'));
    if (key === undefined || isSealAlg(key.alg)) throw new Error('no such key');
    const { jwk, ...facts } = key;
    const claims = {
      iss: vault.urn,
      aud: organisationUrn(keyFile.org),
      iat: 0,
      purpose: 'keys.public',
      keys: [{ ...facts, jwk: publicJwkOf(jwk) }],
    };
    const input = [{ alg: key.alg, typ: 'bulla-keys+jwt', kid: key.kid }, claims]
      .map((part) => encodeBase64url(utf8(JSON.stringify(part))))
      .join('.');
    const signature = await (await loadSigner(privateJwkOf(key), key.alg)).sign(utf8(input));
    await expect(readPublicKeys(`${input}.${encodeBase64url(signature)}`)).rejects.toMatchObject({
      code: 'token_malformed',
      message: expect.stringContaining('checkpoints'),
    });
    await expect(signPublicKeys({ ...keyFile, keys: [key] }, 0)).rejects.toMatchObject({ code: 'key_invalid' });
  });
});
