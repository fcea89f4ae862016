/** Replies from `node:crypto` and docs/spec/frames.md alone. */
import { createCipheriv, createHash, hkdfSync } from 'node:crypto';

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const BLOCK = 64;

function padded(bytes, type) {
  const all = Buffer.alloc(Math.ceil((bytes.length + 1) / BLOCK) * BLOCK);
  bytes.copy(all);
  all[bytes.length] = type;
  return all;
}

/** A reply of one delta that can be given any fin: what the fin says of it, and the reply with a fin. */
export function finsOf({ responder, question: { jti, rh }, delta }) {
  const secret = Buffer.alloc(32, 7);
  const rn = base64url(Buffer.alloc(32, 9));
  const head = Buffer.from(
    JSON.stringify({ v: 1, iss: responder.urn, irt: { jti, rh }, rn, enc: 'A256GCM', max: 16384 }),
  );
  const derive = (info, length) => Buffer.from(hkdfSync('sha256', secret, sha256(head), info, length));
  const [key, base] = [derive('bulla1 reply key', 32), derive('bulla1 reply nonce', 12)];
  const seal = (index, bytes, isFinal) => {
    const iv = Buffer.from(base);
    iv.writeUInt32BE((iv.readUInt32BE(8) ^ index) >>> 0, 8);
    const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
    cipher.setAAD(Buffer.from(isFinal ? 'final' : ''));
    const ciphertext = Buffer.concat([cipher.update(padded(bytes, isFinal ? 2 : 1)), cipher.final()]);
    return base64url(Buffer.concat([ciphertext, cipher.getAuthTag()]));
  };
  const length = Buffer.alloc(4);
  length.writeUInt32BE(delta.length);
  const transcript = sha256(Buffer.concat([length, delta]));
  return {
    delta: base64url(delta),
    summary: { head: base64url(sha256(head)), n: 1, bytes: delta.length, sha256: base64url(transcript) },
    with: (fin) => ({
      secret: base64url(secret),
      head: base64url(head),
      frames: [
        ['delta', seal(0, delta, false)],
        ['final', seal(1, Buffer.from(fin), true)],
      ],
    }),
  };
}
