import { describe, expect, it } from '@jest/globals';
import { compactVerify, importJWK } from 'jose';
import type { JWK } from 'jose';
import { CryptoError } from '../src/names/errors.js';
import { openVectorJwe, readHeader, verifyVectorJws } from './vector-tokens.js';
import type { Level, Vector, VectorCase } from './wycheproof.js';
import { accepts, alterPart, casesOf, excepted, exceptions, findCase, requireBytes, runVectors } from './wycheproof.js';

interface TokenGroup {
  readonly private: JWK | { readonly keys: readonly JWK[] };
  readonly public?: JWK;
}
interface TokenCase extends VectorCase {
  /** Compact, or an object where the case is about JSON serialisation. */
  readonly jws?: string | object;
  readonly jwe?: string | object;
  /** Plaintext in hexadecimal, for valid JWE. */
  readonly pt?: string;
}

const FILES = {
  signature: 'json_web_signature_test.json',
  encryption: 'json_web_encryption_test.json',
  crypto: 'json_web_crypto_test.json',
} as const;

type TokenVector = Vector<TokenGroup, TokenCase>;

async function runCase({ test, group }: TokenVector, level: Level): Promise<void> {
  const token = tokenOf(test);
  if (test.jws !== undefined) return verifyVectorJws(token, verificationKey(token, group), level);
  const plaintext = await openVectorJwe(token, group.private as JWK, level);
  if (test.pt !== undefined) requireBytes(plaintext, test.pt);
}

function tokenOf({ jws, jwe }: TokenCase): string {
  const token = jws ?? jwe;
  return typeof token === 'string' ? token : JSON.stringify(token);
}

/** The key that the token's kid names exactly; of a single key, that one. */
function verificationKey(token: string, group: TokenGroup): JWK {
  if (!('keys' in group.private)) return group.public ?? group.private;
  const { kid } = readHeader(token, 3);
  const key = group.private.keys.find((candidate) => candidate.kid === kid);
  if (key === undefined) throw new CryptoError('key_unknown', 'no such key');
  return key;
}

function tokensOf(file: string): TokenVector[] {
  return casesOf(file) as TokenVector[];
}

describe('Wycheproof tokens', () => {
  it.each<[string, Level, { cases: number; accepted: number; validRefused: number; invalidAccepted: number }]>([
    [FILES.signature, 'bulla', { cases: 401, accepted: 8, validRefused: 38, invalidAccepted: 0 }],
    [FILES.signature, 'platform', { cases: 401, accepted: 40, validRefused: 8, invalidAccepted: 2 }],
    [FILES.encryption, 'bulla', { cases: 139, accepted: 2, validRefused: 63, invalidAccepted: 0 }],
    [FILES.encryption, 'platform', { cases: 139, accepted: 56, validRefused: 9, invalidAccepted: 0 }],
    [FILES.crypto, 'bulla', { cases: 83, accepted: 1, validRefused: 5, invalidAccepted: 0 }],
    [FILES.crypto, 'platform', { cases: 83, accepted: 8, validRefused: 0, invalidAccepted: 2 }],
  ])('%s, level %s: %j', async (file, level, counts) => {
    const outcome = await runVectors(tokensOf(file), (vector) => runCase(vector, level));
    expect(outcome.validRefused).toEqual(excepted(file, level, 'valid-refused'));
    expect(outcome.invalidAccepted).toEqual(excepted(file, level, 'invalid-accepted'));
    expect({
      cases: outcome.cases,
      accepted: outcome.accepted.length,
      validRefused: outcome.validRefused.length,
      invalidAccepted: outcome.invalidAccepted.length,
    }).toEqual(counts);
  });

  it.each<[string, number, Level, number]>([
    [FILES.signature, 275, 'bulla', 3],
    [FILES.signature, 1, 'platform', 3],
    [FILES.encryption, 90, 'bulla', 5],
    [FILES.encryption, 66, 'bulla', 5],
    [FILES.crypto, 50, 'platform', 5],
  ])('%s: case %i is accepted, and refused once any part is altered (%s)', async (file, tcId, level, parts) => {
    const vector = findCase(tokensOf(file), tcId);
    expect(await accepts(runCase(vector, level))).toBe(true);
    for (let part = 0; part < parts; part++) {
      const altered = withToken(vector, alterPart(tokenOf(vector.test), part));
      expect(await accepts(runCase(altered, level))).toBe(false);
    }
  });

  it.each([360, 365, 368, 375])('refuses the spelling of case %i, which jose alone accepts', async (tcId) => {
    const vector = findCase(tokensOf(FILES.signature), tcId);
    await expectJoseAlone(vector);
    await expect(runCase(vector, 'platform')).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each([
    [367, 0],
    [370, 1],
    [357, 2],
  ])('refuses padding, which case %i means in part %i and the file has lost', async (tcId, part) => {
    const vector = findCase(tokensOf(FILES.signature), tcId);
    expect(tokenOf(vector.test)).toBe(tokenOf(findCase(tokensOf(FILES.signature), 357).test));
    const padded = tokenOf(vector.test).split('.');
    padded[part] += '=';
    await expect(runCase(withToken(vector, padded.join('.')), 'platform')).rejects.toMatchObject({
      code: 'token_malformed',
    });
  });

  it('lists every exception with a reason and once', () => {
    expect(exceptions.filter((entry) => entry.reason.length < 20)).toEqual([]);
    const named = exceptions.flatMap((entry) => entry.tcIds.map((tcId) => `${entry.file} ${entry.level} ${tcId}`));
    expect(new Set(named).size).toBe(named.length);
  });
});

/** The same case with another token. */
function withToken({ group, test }: TokenVector, token: string): TokenVector {
  return { group, test: { ...test, ...(test.jws === undefined ? { jwe: token } : { jws: token }) } };
}

async function expectJoseAlone({ group, test }: TokenVector): Promise<void> {
  const { alg = '', k = '' } = group.private as JWK;
  const key = await importJWK({ kty: 'oct', k }, alg);
  await expect(compactVerify(tokenOf(test), key, { algorithms: [alg] })).resolves.toBeDefined();
}
