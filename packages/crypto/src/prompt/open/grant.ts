import type { ParsedJwe } from '../../tokens/compact.js';
import type { DepositHeader } from '../deposit.js';
import type { GrantHeader, GrantPlace } from '../grant.js';
import { DEK_BYTES } from '../grant.js';
import { openFailed, openWith } from '../../tokens/open/compact.js';
import { CryptoError } from '../../names/errors.js';
import { isDataKey } from '../data-key.js';
import { Secret } from '../../encoding/secret.js';
import type { Unwrapper } from '../../keys/signer.js';

/** What a grant must be for: its opener, and the content of a verified envelope or tag. */
export interface ExpectedGrant extends Omit<GrantPlace, 'protectUntil'> {
  /** URN of the party that opens it. */
  readonly urn: string;
}

/** What an {@link openEarlierGrant} must be for. */
export type ExpectedEarlierGrant = Omit<ExpectedGrant, 'dkc'>;

/**
 * A wrapped key that says it is for its opener and for this content, and does not give the key of this content. To others it
 * is `open_failed` as everything that is found after a key was used; who holds the key that it is for may take it back
 * (protocol.md A16).
 */
export class UnfitGrant extends CryptoError {
  constructor() {
    super('open_failed', 'could not be opened');
  }
}

/**
 * Opens a grant with the recipient's key (protocol.md §2.4 step 10, A16).
 * @returns the content key, 32 bytes, to which its content commits; wipe it after use.
 * @throws {CryptoError} open_failed, whatever went wrong: an {@link UnfitGrant} where the grant is for its opener
 */
export function openGrant(
  parsed: ParsedJwe<GrantHeader>,
  unwrapper: Unwrapper,
  expect: ExpectedGrant,
): Promise<Secret> {
  return openWrappedKey(parsed, unwrapper, expect);
}

/**
 * Opens a grant of a content that was sealed before contents committed to their key (protocol.md A16).
 * @returns a key of 32 bytes, which nothing says is that of the content; wipe it after use.
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export function openEarlierGrant(
  parsed: ParsedJwe<GrantHeader>,
  unwrapper: Unwrapper,
  expect: ExpectedEarlierGrant,
): Promise<Secret> {
  return openWrappedKey(parsed, unwrapper, { ...expect, dkc: undefined });
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
  expect: ExpectedEarlierGrant & { readonly dkc: string | undefined },
): Promise<Secret> {
  const { header } = parsed;
  const right =
    header.kid === unwrapper.kid &&
    header.aud === expect.urn && // guard: grant-recipient
    header.sub === expect.sub && // guard: grant-prompt
    header.ver === expect.ver && // guard: grant-version
    header.dek === expect.dekId && // guard: grant-key-id
    header.chash === expect.chash && // guard: grant-content
    // guard: grant-commitment
    header.dkc === expect.dkc;
  if (!right) throw openFailed();
  const dek = new Secret(await openWith(parsed, unwrapper).catch(unfit));
  if (
    dek.reveal().length === DEK_BYTES && // guard: grant-key-length
    // guard: grant-data-key
    (expect.dkc === undefined || (await isDataKey(dek.reveal(), expect.dkc)))
  )
    return dek;
  dek.wipe();
  throw new UnfitGrant();
}

function unfit(): never {
  throw new UnfitGrant();
}
