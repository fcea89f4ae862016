import { spawnSync } from 'node:child_process';
import { createDecipheriv, createHash, createHmac } from 'node:crypto';

/** docs/spec/chunked.md once more, with node:crypto and nothing of ours. */

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest();

/** Pieces of this length, and a last one that is shorter and may be empty. */
const cut = (text: Buffer, length: number) =>
  Array.from({ length: Math.floor(text.length / length) + 1 }, (_, at) =>
    text.subarray(at * length, (at + 1) * length),
  );

/** The text of a sealed stream; throws where a commitment or a chunk is wrong. */
export function openStream(stream: Buffer, key: Buffer, context: Buffer): Buffer {
  const salt = stream.subarray(0, 24);
  const info = Buffer.concat([Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'), salt, context]);
  const hmac = (...parts: Uint8Array[]) => createHmac('sha512', key).update(Buffer.concat(parts)).digest();
  const first = hmac(info, Buffer.of(1));
  const derived = Buffer.concat([first, hmac(first, info, Buffer.of(2))]);
  if (!derived.subarray(44, 76).equals(stream.subarray(24, 56))) throw new Error('another commitment');
  const chunks = cut(stream.subarray(56), 16_400).map((chunk, index) => {
    const iv = Buffer.from(derived.subarray(32, 44));
    iv.writeUInt32BE((iv.readUInt32BE(8) ^ index) >>> 0, 8);
    const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), iv, { authTagLength: 16 });
    decipher.setAuthTag(chunk.subarray(-16));
    return Buffer.concat([decipher.update(chunk.subarray(0, -16)), decipher.final()]);
  });
  return Buffer.concat(chunks);
}

/** What `sha256sum` prints of a text, which it reads from a pipe, in base64url; where there is no such tool, node:crypto. */
export function sha256sum(text: Buffer): string {
  const { error, stdout } = spawnSync('sha256sum', { input: text, encoding: 'utf8' });
  if (error !== undefined) return sha256(text).toString('base64url');
  const [, hex = ''] = /^([0-9a-f]{64}) {2}-\n$/.exec(stdout) ?? [];
  return Buffer.from(hex, 'hex').toString('base64url');
}
