import { decodeUtf8, digestB64u } from '../../encoding/bytes.js';
import type { ParsedJwe } from '../../tokens/compact.js';
import type { ContentHeader, ContentPlace } from '../content.js';
import { openFailed, openUnder } from '../../tokens/open/compact.js';
import type { Secret } from '../../encoding/secret.js';

/**
 * Opens a content with its key (protocol.md §2.4 step 11).
 * @param expect where the content must belong, from a verified envelope or tag.
 * @returns the statement, PS, as a compact token that is still to be verified.
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export async function openContent(
  parsed: ParsedJwe<ContentHeader>,
  dek: Secret,
  expect: ContentPlace,
): Promise<string> {
  const { header } = parsed;
  // guard: content-place
  if (header.org !== expect.org || header.sub !== expect.sub || header.ver !== expect.ver) throw openFailed();
  const plaintext = await openUnder(parsed, dek);
  try {
    // guard: content-commitment
    if ((await digestB64u(plaintext)) !== header.cmt) throw openFailed();
    return decodeUtf8(plaintext);
  } catch {
    throw openFailed();
  } finally {
    plaintext.fill(0);
  }
}
