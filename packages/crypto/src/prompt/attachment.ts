import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import { CHUNK_BYTES, CHUNKS_MAX, newStreamKey, sealChunks } from '../streams/chunked.js';
import { bytes32Schema, hashSchema, opaqueIdSchema, urnOfSchema, versionSchema } from '../tokens/claims.js';
import { ContentHash } from '../streams/content-hash.js';
import { CryptoError } from '../names/errors.js';
import { checkShape } from '../encoding/schema.js';

/**
 * Files that belong to a version of a prompt (docs/spec/attachment.md): each a sealed stream under a key of its own. The
 * statement, which is sealed and signed, lists them with their keys, and with what they must turn out to be.
 */

/** Most attachments of one version. */
export const ATTACHMENTS_MAX = 64;

/** What it is called within its version: `policy.pdf`. A file of this name can be written anywhere, as with letters. */
const attachmentIdSchema = opaqueIdSchema.check(
  z.refine((id) => id !== '.' && id !== '..'), // guard: attachment-id-dots
);

const attachmentSchema = z.strictObject({
  id: attachmentIdSchema,
  /** Of the stream, 32 bytes. */
  key: bytes32Schema,
  /** Bytes before sealing. */
  size: z.int().check(z.gte(0), z.lt(CHUNKS_MAX * CHUNK_BYTES)),
  /** SHA-256 of the bytes before sealing. */
  hash: hashSchema,
});
/** What a statement says of one attachment. It holds the key, so it is as secret as the statement. */
export type Attachment = z.infer<typeof attachmentSchema>;

/** The list in a statement: no two of a name, no key for two streams. */
export const attachmentsSchema = z.array(attachmentSchema).check(
  z.maxLength(ATTACHMENTS_MAX), // guard: attachments-most
  z.refine(differIn('id')), // guard: attachments-one-name
  z.refine(differIn('key')), // guard: attachments-one-key
);

function differIn(member: 'id' | 'key'): (list: Attachment[]) => boolean {
  return (list) => new Set(list.map((one) => one[member])).size === list.length;
}

const placeSchema = z.strictObject({ sub: urnOfSchema('prompt'), ver: versionSchema, id: attachmentIdSchema });
/** Where an attachment belongs: it opens nowhere else. */
export interface AttachmentPlace {
  /** URN of the prompt. */
  readonly sub: string;
  /** Version of the prompt; counts from 1. */
  readonly ver: number;
}

export interface SealingAttachment {
  /** The sealed stream in pieces, to be stored anywhere. It is made while it is read, and once. */
  readonly sealed: AsyncGenerator<Bytes>;
  /**
   * What the statement lists.
   * @throws {CryptoError} stream_truncated until `sealed` was read to its end
   */
  readonly entry: () => Attachment;
}

/**
 * Seals a file for one version of a prompt in constant memory, under a fresh key. Nothing is read before what came of it
 * was taken.
 * @param source pieces of any length.
 * @param id its name within the version: 1 to 128 of `A-Z a-z 0-9 . _ : -`.
 * @throws {CryptoError} token_malformed for a wrong name or place. Reading `sealed` throws payload_too_large, and
 *   whatever the source throws
 */
export function sealAttachment(
  source: AsyncIterable<Uint8Array>,
  id: string,
  place: AttachmentPlace,
): SealingAttachment {
  const context = attachmentContext(id, place);
  let entry: Attachment | undefined;
  async function* sealed(): AsyncGenerator<Bytes> {
    const key = newStreamKey();
    const content = new ContentHash();
    try {
      yield* sealChunks(hashed(source, content), { key, context });
      const hash = encodeBase64url(content.end());
      entry = { id, key: encodeBase64url(key.reveal()), size: content.size, hash };
    } finally {
      key.wipe();
    }
  }
  return {
    sealed: sealed(),
    entry: () => {
      if (entry === undefined) throw new CryptoError('stream_truncated', 'the attachment was not sealed to its end');
      return entry;
    },
  };
}

/**
 * What the stream is bound to. No member holds a newline, so no two places have the same bytes.
 * @throws {CryptoError} token_malformed
 */
export function attachmentContext(id: string, { sub, ver }: AttachmentPlace): Bytes {
  const place = checkShape({ sub, ver, id }, placeSchema, 'attachment');
  // guard: attachment-prompt without: return utf8(`bulla-attachment\n${place.ver}\n${place.id}`);
  // guard: attachment-version without: return utf8(`bulla-attachment\n${place.sub}\n${place.id}`);
  // guard: attachment-name without: return utf8(`bulla-attachment\n${place.sub}\n${place.ver}`);
  return utf8(`bulla-attachment\n${place.sub}\n${place.ver}\n${place.id}`);
}

async function* hashed(source: AsyncIterable<Uint8Array>, content: ContentHash): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    content.add(piece);
    yield piece;
  }
}
