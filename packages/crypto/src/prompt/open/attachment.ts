import type { Attachment, AttachmentPlace } from '../attachment.js';
import { attachmentContext } from '../attachment.js';
import type { Bytes } from '../../encoding/bytes.js';
import { decodeBase64url, encodeBase64url } from '../../encoding/bytes.js';
import { ContentHash } from '../../streams/content-hash.js';
import { failingForGood, openChunks } from '../../streams/open/chunked.js';
import { openFailed } from '../../tokens/open/compact.js';
import { Secret } from '../../encoding/secret.js';

/**
 * Opens an attachment, one chunk at a time, and holds the last one back until size and hash are those that the author
 * signed. What comes before is by somebody who could read the statement, and in its order; that it is all of it and the
 * author's, is known when the generator ends without an error.
 * @param source the sealed stream in pieces of any length.
 * @param attachment the entry of a statement that was verified.
 * @param place of that statement.
 * @throws {CryptoError} token_malformed for a wrong place; stream_truncated where a stream cannot end; else
 *   open_failed, whatever was changed, moved, added or cut, and for another version or attachment; and whatever the
 *   source throws
 */
export function openAttachment(
  source: AsyncIterable<Uint8Array>,
  attachment: Attachment,
  place: AttachmentPlace,
): AsyncGenerator<Bytes> {
  const context = attachmentContext(attachment.id, place);
  const key = new Secret(decodeBase64url(attachment.key));
  try {
    // guard: attachment-fails-again without: return whole(openChunks(source, { key, context }), attachment);
    return failingForGood(whole(openChunks(source, { key, context }), attachment));
  } finally {
    key.wipe();
  }
}

/** The pieces, of which the last is given out when all of them are what was signed. */
async function* whole(
  chunks: AsyncGenerator<Bytes>,
  { size, hash }: Pick<Attachment, 'size' | 'hash'>,
): AsyncGenerator<Bytes> {
  const content = new ContentHash();
  let held: Bytes | undefined;
  for await (const chunk of chunks) {
    content.add(chunk);
    // A longer one is not the author's: its maker could go on for ever.
    // guard: attachment-longer
    if (content.size > size) throw openFailed();
    if (held !== undefined) yield held;
    // guard: attachment-held-back without: yield chunk;
    held = chunk;
  }
  if (
    content.size !== size || // guard: attachment-size
    encodeBase64url(content.end()) !== hash // guard: attachment-hash
  )
    throw openFailed();
  if (held !== undefined) yield held;
}
