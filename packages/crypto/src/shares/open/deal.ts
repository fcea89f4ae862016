import { split } from 'shamir-secret-sharing';
import type { Bytes } from '../../encoding/bytes.js';
import { encodeBase64url, equalBytes } from '../../encoding/bytes.js';
import { Secret } from '../../encoding/secret.js';
import { generateKeyPair, loadSigner } from '../../keys/signer.js';
import { CryptoError } from '../../names/errors.js';
import { requireSeconds } from '../../names/seconds.js';
import type { ShareSet } from '../share-set.js';
import { composeShareSet, SHARES_MAX, SHARES_MIN } from '../share-set.js';
import { signShare } from '../share.js';
import { combineShares } from './combine.js';

const ROOT_BYTES = 32;

/** A root key in shares. */
export interface DealtShares {
  readonly set: ShareSet;
  /** Text of the public file. */
  readonly file: string;
  /** One for each holder; each is secret. */
  readonly shares: readonly string[];
}

/**
 * Splits a root key (Shamir, over GF(2^8)) and signs each share with a key that is made for it and forgotten: nobody
 * can add a share to the set later.
 * @param root 32 bytes; wipe it afterwards
 * @param at seconds
 * @throws {CryptoError} key_invalid for another length, or counts that cannot be
 */
export async function dealShares(
  root: Secret,
  { shares: count, threshold }: { readonly shares: number; readonly threshold: number },
  at: number,
): Promise<DealtShares> {
  requireSeconds(at);
  if (root.reveal().length !== ROOT_BYTES) throw new CryptoError('key_invalid', 'a root key has 32 bytes');
  // guard: share-counts
  if (![count, threshold].every(isCount) || threshold > count)
    throw new CryptoError(
      'key_invalid',
      `there are from ${SHARES_MIN} to ${SHARES_MAX} shares, and from ${SHARES_MIN} to all of them are needed`,
    );
  const pair = await generateKeyPair('ed25519', 'sig');
  const dealer = await loadSigner(pair.privateJwk, 'Ed25519');
  const values = (await split(root.reveal(), count, threshold)).map((value) => new Secret(value as Bytes));
  try {
    await requireWhole(root, values.slice(-threshold));
    const of = { shares: count, threshold, iat: at, purpose: 'root.share' as const };
    const shares = await Promise.all(
      values.map((value, before) =>
        signShare({ index: before + 1, ...of, value: encodeBase64url(value.reveal()) }, dealer),
      ),
    );
    const set = { id: pair.kid, dealer: pair.publicJwk, shares: count, threshold };
    return { set, file: composeShareSet(set), shares };
  } finally {
    for (const value of values) value.wipe();
  }
}

/** What cannot be put together again is never handed out. */
async function requireWhole(root: Secret, values: readonly Secret[]): Promise<void> {
  const combined = await combineShares(values);
  try {
    if (!equalBytes(combined.reveal(), root.reveal())) throw new Error('the shares do not make the root key');
  } finally {
    combined.wipe();
  }
}

function isCount(count: number): boolean {
  return Number.isInteger(count) && count >= SHARES_MIN && count <= SHARES_MAX;
}
