import * as z from '#zod';
import type { Secret } from '../encoding/secret.js';
import type { Recipient } from '../organisation/directory-keys.js';
import { hashSchema, urnOfSchema } from '../tokens/claims.js';
import type { JweFormat, ParsedJwe } from '../tokens/compact.js';
import { parseJwe, sealTo } from '../tokens/compact.js';
import type { GrantPlace } from './grant.js';
import { DEK_BYTES, wrapHeader, wrappedKeyShape } from './grant.js';

const headerSchema = z.strictObject({
  ...wrappedKeyShape,
  dkc: hashSchema,
  typ: z.literal('bulla-deposit+jwe'),
  // guard: deposit-vault without: aud: urnOfSchema('svc:vault', 'svc:responder', 'dev')
  aud: urnOfSchema('svc:vault'),
});
/** What of a deposit is readable without the vault's key (docs/spec/grant.md#deposits). */
export type DepositHeader = z.infer<typeof headerSchema>;

const format: JweFormat<DepositHeader> = { typ: 'bulla-deposit+jwe', header: headerSchema, maxBytes: DEK_BYTES };

/**
 * Hands the content key of a managed name to the vault, which wraps it under a key of the organisation and forgets this
 * (protocol.md §2.3). No grant is for a vault, so none can be mistaken for this.
 * @param vault its encryption key, from the signed directory.
 * @throws {CryptoError} as sealGrant
 */
export async function sealDeposit(dek: Secret, place: GrantPlace, vault: Recipient): Promise<string> {
  const header: DepositHeader = { ...(await wrapHeader(dek, place, vault)), typ: 'bulla-deposit+jwe' };
  return sealTo(format, header, dek.reveal(), vault.record);
}

/**
 * Reads a deposit without opening it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseDeposit(token: string): ParsedJwe<DepositHeader> {
  return parseJwe(token, format);
}
