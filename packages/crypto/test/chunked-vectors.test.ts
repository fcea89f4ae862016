import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import type { Bytes, ChunkedOptions } from '@bulla/crypto';
import { concatBytes, decodeBase64url, encodeBase64url, Secret, sealChunks, utf8 } from '@bulla/crypto';
import { openChunks } from '@bulla/crypto/open';
import { describe, expect, it } from '@jest/globals';
import { gather, piecesOf } from './pieces.js';
import { readVectors } from './vectors.js';

const load = <File>(name: string) => readVectors(`${name}.json`) as File;
const bytesOf = (buffer: Uint8Array): Bytes => Uint8Array.from(buffer);
const fromHex = (hex: string) => bytesOf(Buffer.from(hex, 'hex'));

async function open(sealed: Bytes, options: ChunkedOptions): Promise<{ text: Bytes; result: string }> {
  const all: Bytes[] = [];
  try {
    for await (const piece of openChunks(piecesOf([sealed]), options)) all.push(piece);
    return { text: concatBytes(...all), result: 'valid' };
  } catch (error) {
    return { text: concatBytes(...all), result: (error as { code: string }).code };
  }
}

describe('Wycheproof chunked encryption', () => {
  interface Case {
    readonly tcId: number;
    readonly comment: string;
    readonly key: string;
    readonly ctx: string;
    /** Compressed: plaintexts were chosen so that the ciphertext is mostly zeros. */
    readonly ct: string;
    readonly msgLength?: number;
    readonly msgSha512?: string;
    readonly result: 'valid' | 'invalid';
  }
  const file = load<{ testGroups: [{ tests: Case[] }] }>('wycheproof/c2sp_chunked_encryption_aes_256_gcm_test');
  const [{ tests }] = file.testGroups;

  it('has as many cases as are listed in README.md', () => expect(tests).toHaveLength(22));

  it.each(tests)('$tcId $comment: $result', async ({ key, ctx, ct, result, msgLength = 0, msgSha512 }) => {
    const options = { key: new Secret(fromHex(key)), context: fromHex(ctx) };
    const opened = await open(bytesOf(inflateSync(Buffer.from(ct, 'hex'))), options);
    expect(opened.result === 'valid').toBe(result === 'valid');
    // Of an invalid stream they say what may come out before it fails: the longest good beginning.
    expect(opened.text).toHaveLength(msgLength);
    const digest = createHash('sha512').update(opened.text).digest('hex');
    expect(digest).toBe(msgSha512 ?? createHash('sha512').digest('hex'));
  });
});

describe('golden streams', () => {
  interface Case {
    readonly name: string;
    readonly result: string;
    readonly key: string;
    readonly context: string;
    readonly sealed: string;
    readonly text: string;
  }
  const { cases } = load<{ cases: Case[] }>('golden/chunked');

  it.each(cases)('$name: $result', async ({ result, key, context, sealed, text }) => {
    const options = { key: new Secret(decodeBase64url(key)), context: utf8(context) };
    const opened = await open(decodeBase64url(sealed), options);
    expect({ ...opened, text: encodeBase64url(opened.text) }).toEqual({ result, text });
  });
});

/** The specification once more, with node:crypto and nothing of ours. */
describe('a peer on node:crypto', () => {
  const key = Buffer.alloc(32, 7);
  const context = Buffer.from('a peer');
  // More than 256 chunks: the counter goes into its second byte.
  const text = Buffer.alloc(260 * 16_384 + 11, 'bulla ');

  function derive(salt: Buffer): { key: Buffer; base: Buffer; commitment: Buffer } {
    const info = Buffer.concat([Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'), salt, context]);
    const blocks: Buffer[] = [];
    for (let counter = 1; counter <= 2; counter++) {
      const before = blocks.at(-1) ?? Buffer.alloc(0);
      blocks.push(
        createHmac('sha512', key)
          .update(Buffer.concat([before, info, Buffer.of(counter)]))
          .digest(),
      );
    }
    const all = Buffer.concat(blocks);
    return { key: all.subarray(0, 32), base: all.subarray(32, 44), commitment: all.subarray(44, 76) };
  }

  function nonce(base: Buffer, index: number): Buffer {
    const value = BigInt(`0x${base.toString('hex')}`) ^ BigInt(index);
    return Buffer.from(value.toString(16).padStart(24, '0'), 'hex');
  }

  it('opens what we seal', async () => {
    const sealed = Buffer.from(
      await gather(sealChunks(piecesOf([text]), { key: new Secret(bytesOf(key)), context: bytesOf(context) })),
    );
    const derived = derive(sealed.subarray(0, 24));
    expect(sealed.subarray(24, 56).equals(derived.commitment)).toBe(true);
    const opened: Buffer[] = [];
    for (let at = 56, index = 0; at < sealed.length; at += 16_400, index++) {
      const chunk = sealed.subarray(at, at + 16_400);
      const decipher = createDecipheriv('aes-256-gcm', derived.key, nonce(derived.base, index), { authTagLength: 16 });
      decipher.setAuthTag(chunk.subarray(-16));
      opened.push(decipher.update(chunk.subarray(0, -16)), decipher.final());
    }
    expect(Buffer.concat(opened).equals(text)).toBe(true);
  });

  it('seals what we open', async () => {
    const salt = Buffer.alloc(24, 9);
    const derived = derive(salt);
    const parts = [salt, derived.commitment];
    for (let at = 0, index = 0; at <= text.length; at += 16_384, index++) {
      const cipher = createCipheriv('aes-256-gcm', derived.key, nonce(derived.base, index), { authTagLength: 16 });
      parts.push(cipher.update(text.subarray(at, at + 16_384)), cipher.final(), cipher.getAuthTag());
    }
    const opened = await open(bytesOf(Buffer.concat(parts)), {
      key: new Secret(bytesOf(key)),
      context: bytesOf(context),
    });
    expect(opened.result).toBe('valid');
    expect(text.equals(opened.text)).toBe(true);
  });
});
