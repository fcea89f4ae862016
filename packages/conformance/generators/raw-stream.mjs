/** C2SP chunked-encryption from `node:crypto` and docs/spec/chunked.md alone. */
import { createCipheriv, createHmac } from 'node:crypto';

const CHUNK = 16_384;

/** All chunks but the last are full; the last is shorter and may be empty. */
const chunksOf = (text) =>
  Array.from({ length: Math.floor(text.length / CHUNK) + 1 }, (_, at) => text.subarray(at * CHUNK, (at + 1) * CHUNK));

/** docs/spec/chunked.md: the parts of a sealed stream, header first. */
export function streamParts(text, key, context, salt) {
  const info = Buffer.concat([Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'), salt, context]);
  const hmac = (...parts) => createHmac('sha512', key).update(Buffer.concat(parts)).digest();
  const first = hmac(info, Buffer.of(1));
  const derived = Buffer.concat([first, hmac(first, info, Buffer.of(2))]);
  const base = derived.subarray(32, 44);
  const sealed = chunksOf(text).map((chunk, index) => {
    const iv = Buffer.from(base);
    iv.writeUInt32BE((iv.readUInt32BE(8) ^ index) >>> 0, 8);
    const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), iv, { authTagLength: 16 });
    return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  });
  return [Buffer.concat([salt, derived.subarray(44, 76)]), ...sealed];
}
