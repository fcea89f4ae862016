import type { ParsedJwe } from '../../tokens/compact.js';
import type { DepositHeader } from '../deposit.js';
import type { GrantHeader, GrantPlace } from '../grant.js';
import { DEK_BYTES } from '../grant.js';
import { openFailed, openWith } from '../../tokens/open/compact.js';
import { Secret } from '../../encoding/secret.js';
import type { Unwrapper } from '../../keys/signer.js';

/** What a grant must be for: its opener, and the content of a verified envelope or tag. */
export interface ExpectedGrant extends Omit<GrantPlace, 'protectUntil'> {
  /** URN of the party that opens it. */
  readonly urn: string;
}

/**
 * Opens a grant with the recipient's key (protocol.md §2.4 step 10).
 * @returns the content key, 32 bytes; wipe it after use.
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export function openGrant(
  parsed: ParsedJwe<GrantHeader>,
  unwrapper: Unwrapper,
  expect: ExpectedGrant,
): Promise<Secret> {
  return openWrappedKey(parsed, unwrapper, expect);
}

/**
 * Opens the key that a vault was told for a managed name (docs/spec/grant.md#deposits).
 * @returns as openGrant
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export function openDeposit(
  parsed: ParsedJwe<DepositHeader>,
  unwrapper: Unwrapper,
  expect: ExpectedGrant,
): Promise<Secret> {
  return openWrappedKey(parsed, unwrapper, expect);
}

async function openWrappedKey(
  parsed: ParsedJwe<GrantHeader | DepositHeader>,
  unwrapper: Unwrapper,
  expect: ExpectedGrant,
): Promise<Secret> {
  const { header } = parsed;
  const right =
    header.kid === unwrapper.kid &&
    header.aud === expect.urn && // guard: grant-recipient
    header.sub === expect.sub && // guard: grant-prompt
    header.ver === expect.ver && // guard: grant-version
    header.dek === expect.dekId && // guard: grant-key-id
    // guard: grant-content
    header.chash === expect.chash;
  if (!right) throw openFailed();
  const dek = new Secret(await openWith(parsed, unwrapper));
  // guard: grant-key-length without: return dek;
  if (dek.reveal().length === DEK_BYTES) return dek;
  dek.wipe();
  throw openFailed();
}
