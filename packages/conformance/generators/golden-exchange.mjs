/** Golden vectors of questions and replies; what comes out of them is computed here, with `node:crypto`. */
import { constants, createDecipheriv, createHash, createPrivateKey, hkdfSync, privateDecrypt } from 'node:crypto';
import { acme, expectedOf, now, organisation, payloadOf, read } from './golden.mjs';

const bytes = (text) => Buffer.from(text, 'base64url');

function decrypted(key, iv, sealed, aad) {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
  decipher.setAAD(Buffer.from(aad)).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** The claims in a question to a responder with an RSA key. */
function claimsIn(token, jwk) {
  const [head, wrapped, iv, ciphertext, tag] = token.split('.');
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  const cek = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, bytes(wrapped));
  return payloadOf(decrypted(cek, bytes(iv), Buffer.concat([bytes(ciphertext), bytes(tag)]), head).toString());
}

/** Before the claim a responder tells nobody what was wrong inside, but that it does not know the signer. */
const asTold = ({ result, check }) =>
  check?.startsWith('invocation-') === true && result !== 'key_unknown' ? { result: 'open_failed' } : { result, check };

export function invocation() {
  const [{ token: envelope }] = read('envelope').cases;
  const { urn, keys } = acme.entities.eu1;
  return {
    format: 'invocation',
    values: { organisation, envelope, recipient: keys.enc.jwk },
    cases: read('invocation').cases.map((one) => ({
      op: 'open',
      name: one.name,
      input: {
        token: one.sealed,
        envelope: one.env ?? '@envelope',
        recipient: '@recipient',
        audience: urn,
        organisation: '@organisation',
        now,
      },
      expected: expectedOf(asTold(one), one.result === 'valid' ? { claims: claimsIn(one.sealed, keys.enc.jwk) } : {}),
    })),
  };
}

/** docs/spec/frames.md: the deltas and the fin of a reply. */
function openedFrames({ rsp, head, steps }) {
  const salt = createHash('sha256').update(bytes(head)).digest();
  const derive = (info, length) => Buffer.from(hkdfSync('sha256', bytes(rsp), salt, info, length));
  const [key, base] = [derive('bulla1 reply key', 32), derive('bulla1 reply nonce', 12)];
  const texts = steps.map(([kind, frame], index) => {
    const iv = Buffer.from(base);
    iv.writeUInt32BE((iv.readUInt32BE(8) ^ index) >>> 0, 8);
    const padded = decrypted(key, iv, bytes(frame), kind === 'final' ? 'final' : '');
    return padded.subarray(
      0,
      padded.findLastIndex((byte) => byte !== 0),
    );
  });
  const fin = texts.pop().toString();
  return { deltas: texts.map((text) => text.toString('base64url')), fin };
}

export function frames() {
  const { cases } = read('frames');
  const [first] = cases;
  return {
    format: 'frames',
    values: { organisation, envelope: first.env, irt: first.irt, frames: first.steps, head: first.head },
    cases: cases.map((one) => {
      const reply = { ...first, ...one };
      const named = (name, value, shared) => (value === shared ? `@${name}` : value);
      return {
        op: 'open',
        name: one.name,
        input: {
          secret: reply.rsp,
          envelope: named('envelope', reply.env, first.env),
          irt: named('irt', reply.irt, first.irt),
          responder: acme.entities.eu1.urn,
          head: named('head', reply.head, first.head),
          frames: named('frames', reply.steps, first.steps),
          organisation: '@organisation',
          now,
        },
        expected: expectedOf(one, one.result === 'valid' ? openedFrames(reply) : {}),
      };
    }),
  };
}
