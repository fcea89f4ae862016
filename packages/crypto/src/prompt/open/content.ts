import { decodeUtf8, digestB64u } from '../../encoding/bytes.js';
import type { ParsedJwe } from '../../tokens/compact.js';
import type { ContentHeader, ContentPlace } from '../content.js';
import { openFailed, openUnder } from '../../tokens/open/compact.js';
import type { Secret } from '../../encoding/secret.js';
import { isDataKey, requireCommitment } from '../data-key.js';

/**
 * Opens a content with the key to which it commits (protocol.md §2.4 step 11, A16).
 * @param expect where the content must belong, from a verified envelope or tag.
 * @returns the statement, PS, as a compact token that is still to be verified.
 * @throws {CryptoError} content_uncommitted, before the key is used, if it commits to none; open_failed, whatever else
 *   went wrong
 */
export async function openContent(
  parsed: ParsedJwe<ContentHeader>,
  dek: Secret,
  expect: ContentPlace,
): Promise<string> {
  const dkc = requireCommitment(parsed.header);
  // guard: content-data-key
  if (!(await isDataKey(dek.reveal(), dkc))) throw openFailed();
  return open(parsed, dek, expect);
}

/**
 * Opens a content that was sealed before contents committed to their key: for its author to read, and to push again.
 * Nothing runs by it (protocol.md A16).
 * @returns as openContent
 * @throws {CryptoError} open_failed, whatever went wrong, and for a content that does commit to its key
 */
export async function openEarlierContent(
  parsed: ParsedJwe<ContentHeader>,
  dek: Secret,
  expect: ContentPlace,
): Promise<string> {
  // guard: earlier-content
  if (parsed.header.dkc !== undefined) throw openFailed();
  return open(parsed, dek, expect);
}

async function open(parsed: ParsedJwe<ContentHeader>, dek: Secret, expect: ContentPlace): Promise<string> {
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
