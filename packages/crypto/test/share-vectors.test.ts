import { describe, expect, it } from '@jest/globals';
import type { CryptoError, PrivateJwk } from '@bulla/crypto';
import { decodeBase64url, encodeBase64url, parseShare, parseShareSet, Secret, verifyShare } from '@bulla/crypto';
import { combineShares, loadUnwrapper, openShare } from '@bulla/crypto/open';
import { readVectors } from './vectors.js';

interface Case {
  readonly name: string;
  /** `valid`, or the code of the refusal. */
  readonly result: string;
  readonly check?: string;
  readonly share: string;
  readonly index?: number;
}

const vectors = readVectors('golden/share.json') as {
  set: object;
  set_id: string;
  root: string;
  cases: [Case, ...Case[]];
  sealed: { to: PrivateJwk; token: string; index: number };
};
const set = await parseShareSet(JSON.stringify(vectors.set));

async function outcome(share: string): Promise<object> {
  try {
    return { result: 'valid', index: (await verifyShare(parseShare(share), set)).index };
  } catch (error) {
    const { code, check } = error as CryptoError;
    return { result: code, ...(check !== undefined && { check }) };
  }
}

describe('golden shares', () => {
  it('are of a set that its dealer’s key names', () => {
    expect(set).toMatchObject({ id: vectors.set_id, shares: 5, threshold: 3 });
  });

  it.each(vectors.cases)('$name: $result', async ({ name: _name, share, ...expected }) => {
    expect(await outcome(share)).toEqual(expected);
  });

  it('make the root key, any three of them', async () => {
    const values = vectors.cases
      .filter(({ result }) => result === 'valid')
      .map(({ share }) => new Secret(decodeBase64url(parseShare(share).claims.value)));
    for (const three of [values.slice(0, 3), values.slice(2)])
      expect(encodeBase64url((await combineShares(three)).reveal())).toBe(vectors.root);
  });

  it('open with the key that they are sealed to', async () => {
    const { to, token, index } = vectors.sealed;
    const opened = await openShare(token, await loadUnwrapper(to, 'ECDH-ES+A256KW'));
    expect((await verifyShare(opened, set)).index).toBe(index);
  });
});
