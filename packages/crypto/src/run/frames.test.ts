import { hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeHex, equalBytes, sha256, utf8 } from '../encoding/bytes.js';
import type { Bytes } from '../encoding/bytes.js';
import type { CryptoError } from '../names/errors.js';
import type { FrameKind } from './frames.js';
import {
  buildHead,
  deriveFrameKeys,
  DELTA_MAX_BYTES,
  FRAME_MAX_BYTES,
  frameData,
  frameNonce,
  pad,
  sealFrame,
  parseHead,
  unpad,
} from './frames.js';
import { mintId } from '../names/ids.js';
import { Secret } from '../encoding/secret.js';

const kinds: readonly FrameKind[] = ['delta', 'final'];
const irt = { jti: mintId('inv'), rh: 'A'.repeat(43) };
const iss = 'urn:bulla:acme:svc:responder:eu1';

/** Data that looks like padding, and every length around the blocks. */
const adversarial = fc.oneof(
  fc.array(fc.constantFrom(0x00, 0x01, 0x02, 0xff), { maxLength: 200 }).map((bytes) => Uint8Array.from(bytes)),
  fc.integer({ min: 0, max: 260 }).map((length) => new Uint8Array(length)),
  fc.uint8Array({ maxLength: 300 }),
);

/** The code of a refusal; without `expect`, which is slow in a property. */
function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as CryptoError).code;
  }
}

describe('padding', () => {
  it('gives back exactly the data and its kind, whatever the data looks like', () => {
    fc.assert(
      fc.property(adversarial, fc.constantFrom(...kinds), fc.constantFrom(64, 256), (data, kind, block) => {
        const padded = pad(data, kind, block);
        const added = padded.length - data.length;
        const other = kind === 'delta' ? 'final' : 'delta';
        const isMinimal = padded.length % block === 0 && added > 0 && added <= block;
        return (
          isMinimal && equalBytes(unpad(padded, kind), data) && codeOf(() => unpad(padded, other)) === 'open_failed'
        );
      }),
      { numRuns: 100_000 },
    );
  });

  it.each([
    ['empty', new Uint8Array(0)],
    ['all zero', new Uint8Array(64)],
    ['not a multiple of 64', pad(utf8('x'), 'delta').slice(0, 63)],
    ['longer than a frame', Uint8Array.from({ length: FRAME_MAX_BYTES + 64 }, (_, at) => (at === 0 ? 1 : 0))],
    ['without a type byte', utf8('x'.repeat(64))],
    ['with an unknown type byte', Uint8Array.from({ length: 64 }, (_, at) => (at === 5 ? 3 : 0))],
  ])('refuses a frame that is %s', (_name, padded) => {
    for (const kind of kinds)
      expect(() => unpad(padded, kind)).toThrow(expect.objectContaining({ code: 'open_failed' }));
  });

  it('takes a delta that fills a frame and none that is longer', () => {
    expect(pad(new Uint8Array(DELTA_MAX_BYTES), 'delta')).toHaveLength(FRAME_MAX_BYTES);
    expect(() => pad(new Uint8Array(DELTA_MAX_BYTES + 1), 'delta')).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });

  it('makes all frames of a short strict answer equally long', () => {
    const lengths = [0, 1, 63, 64, 255].map((length) => pad(new Uint8Array(length), 'delta', 256).length);
    expect(new Set(lengths)).toEqual(new Set([256]));
  });
});

describe('head', () => {
  const good = JSON.parse(new TextDecoder().decode(buildHead(iss, irt))) as Record<string, unknown>;

  it('names the responder and the question and is fresh every time', () => {
    const [one, two] = [parseHead(buildHead(iss, irt)), parseHead(buildHead(iss, irt))];
    expect(one).toEqual({ v: 1, iss, irt, rn: expect.any(String), enc: 'A256GCM', max: 16_384 });
    expect(one.rn).not.toBe(two.rn);
  });

  it.each<[string, object | string, string]>([
    ['a member more', { ...good, kid: 'x' }, 'token_malformed'],
    ['a member less', { ...good, rn: undefined }, 'token_malformed'],
    ['another version', { ...good, v: 2 }, 'token_malformed'],
    ['another cipher', { ...good, enc: 'A128GCM' }, 'token_malformed'],
    ['another frame size', { ...good, max: 65_536 }, 'token_malformed'],
    ['31 random bytes', { ...good, rn: 'A'.repeat(42) }, 'token_malformed'],
    ['random bytes in another spelling', { ...good, rn: `${'A'.repeat(42)}B` }, 'token_malformed'],
    ['an issuer that is no URN', { ...good, iss: 'eu1' }, 'token_malformed'],
    ['a question id of another type', { ...good, irt: { ...irt, jti: mintId('env') } }, 'token_malformed'],
    ['white space', JSON.stringify(good, null, 1), 'token_malformed'],
    ['a duplicate member', JSON.stringify(good).replace('{', '{"v":1,'), 'token_malformed'],
    ['more than 1 KiB', JSON.stringify({ ...good, x: 'x'.repeat(1024) }), 'payload_too_large'],
  ])('refuses %s', (_name, head, code) => {
    const bytes = utf8(typeof head === 'string' ? head : JSON.stringify(head));
    expect(() => parseHead(bytes)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses to be built for a question that is none', () => {
    expect(() => buildHead(iss, { jti: 'x', rh: irt.rh })).toThrow(
      expect.objectContaining({ code: 'token_malformed' }),
    );
  });
});

describe('key schedule', () => {
  const rsp = Uint8Array.from({ length: 32 }, (_, at) => at);

  it('is HKDF-SHA-256 of the secret, salted with the hash of the head', async () => {
    const head = buildHead(iss, irt);
    const salt = await sha256(head);
    const keys = await deriveFrameKeys(new Secret(rsp), head);
    const expected = (info: string, length: number) => new Uint8Array(hkdfSync('sha256', rsp, salt, info, length));
    expect(encodeHex(keys.base)).toBe(encodeHex(expected('bulla1 reply nonce', 12)));
    expect(encodeHex(keys.key.reveal())).toBe(encodeHex(expected('bulla1 reply key', 32)));
  });

  it('seals a frame under the nonce of its index, and says in the AAD alone that it is the last', async () => {
    const keys = await deriveFrameKeys(new Secret(rsp), buildHead(iss, irt));
    const raw = keys.key.reveal();
    const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
    const open = async (frame: Bytes, index: number, additionalData: Bytes) => {
      const parameters = { name: 'AES-GCM', iv: frameNonce(keys.base, index), additionalData };
      return new TextDecoder().decode(await crypto.subtle.decrypt(parameters, key, frame));
    };
    const [delta, final] = [
      await sealFrame(keys, 3, 'delta', utf8('delta')),
      await sealFrame(keys, 4, 'final', utf8('final')),
    ];
    expect([await open(delta, 3, utf8('')), await open(final, 4, utf8('final'))]).toEqual(['delta', 'final']);
    await expect(open(delta, 4, utf8(''))).rejects.toThrow(expect.objectContaining({ name: 'OperationError' }));
    await expect(open(delta, 3, utf8('final'))).rejects.toThrow(expect.objectContaining({ name: 'OperationError' }));
    await expect(open(final, 4, utf8(''))).rejects.toThrow(expect.objectContaining({ name: 'OperationError' }));
  });

  it.each([31, 33])('refuses a secret of %d bytes', async (length) => {
    const secret = new Secret(new Uint8Array(length));
    await expect(deriveFrameKeys(secret, buildHead(iss, irt))).rejects.toMatchObject({
      code: 'key_invalid',
    });
  });

  it('counts in the last four bytes of the nonce, big-endian, and says final in the AAD alone [guard: frame-final-aad]', () => {
    const base = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0, 0, 0xff]);
    const nonceOf = (index: number) => encodeHex(frameNonce(base, index));
    expect(nonceOf(0)).toBe('0102030405060708ff0000ff');
    expect(nonceOf(1)).toBe('0102030405060708ff0000fe');
    expect(nonceOf(2 ** 20)).toBe('0102030405060708ff1000ff');
    expect([frameData('final'), frameData('delta')]).toEqual([utf8('final'), utf8('')]);
  });
});
