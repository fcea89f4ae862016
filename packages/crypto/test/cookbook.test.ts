import { describe, expect, it } from '@jest/globals';
import type { JWK } from 'jose';
import * as z from 'zod/mini';
import { decodeBase64url, decodeUtf8 } from '../src/encoding/bytes.js';
import type { JwsHeader } from '../src/tokens/compact.js';
import { parseJwe, split, verifyJws } from '../src/tokens/compact.js';
import { CryptoError } from '../src/names/errors.js';
import type { KeyRecord } from '../src/keys/keys.js';
import { openUnder } from '../src/tokens/open/compact.js';
import { Secret } from '../src/encoding/secret.js';
import { openVectorJwe, readHeader, verifyVectorJws } from './vector-tokens.js';
import { readVectors } from './vectors.js';
import { alterPart } from './wycheproof.js';
import type { PublicJwk } from '../src/keys/suites.js';

/** RFC 7520: the sections whose algorithms are ours, or differ from ours in one parameter. */
interface JwsExample {
  readonly input: { readonly payload: string; readonly key: JWK; readonly alg: string };
  readonly output: { readonly compact: string };
}
interface JweExample {
  readonly input: { readonly plaintext: string; readonly key: JWK; readonly alg: string; readonly enc: string };
  readonly generated: { readonly cek?: string };
  readonly output: { readonly compact: string };
}
interface NestedExample {
  readonly sign: JwsExample;
  readonly encrypt: JweExample;
}

const pss = readVectors('jose-cookbook/jws/4_2.rsa-pss_signature.json') as JwsExample;
const oaep = readVectors('jose-cookbook/jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm.json') as JweExample;
const direct = readVectors('jose-cookbook/jwe/5_6.direct_encryption_using_aes-gcm.json') as JweExample;
const nested = readVectors('jose-cookbook/6.nesting_signatures_and_encryption.json') as NestedExample;

const anyHeader = z.object({ alg: z.string(), typ: z.optional(z.string()) }) as z.ZodMiniType<{
  alg: string;
  typ: string;
}>;
const parse = (token: string) => parseJwe(token, { typ: 'vector', header: anyHeader, maxBytes: 65_536 });

describe('RFC 7520 §4.2, PS384', () => {
  const { input, output } = pss;
  const key = { ...publicOf(input.key), kid: 'bilbo.baggins@hobbiton.example', alg: input.alg };

  it('verifies under a key of its own algorithm', async () => {
    await expect(verifyVectorJws(output.compact, key, 'platform')).resolves.toBeUndefined();
    expect(decodeUtf8(split(output.compact, 3, 65_536)[1] ?? new Uint8Array())).toBe(input.payload);
  });

  it.each([0, 1, 2])('is refused once part %i is altered', async (part) => {
    await expect(verifyVectorJws(alterPart(output.compact, part), key, 'platform')).rejects.toBeInstanceOf(CryptoError);
  });

  it('is refused as no algorithm of ours, and under a PS256 key', async () => {
    await expect(verifyVectorJws(output.compact, key, 'bulla')).rejects.toMatchObject({ code: 'token_malformed' });
    const other = { ...key, alg: 'PS256' };
    await expect(verifyVectorJws(output.compact, other, 'platform')).rejects.toMatchObject({
      code: 'signature_invalid',
    });
  });
});

describe('RFC 7520 §5.2, RSA-OAEP (SHA-1) and A256GCM', () => {
  const { input, generated, output } = oaep;
  const cek = () => new Secret(decodeBase64url(generated.cek ?? ''));

  it('opens under its content key', async () => {
    expect(decodeUtf8(await openUnder(parse(output.compact), cek()))).toBe(input.plaintext);
  });

  it.each([0, 2, 3, 4])('does not open once part %i is altered', async (part) => {
    const altered = { ...parse(output.compact), parts: partsOf(alterPart(output.compact, part)) };
    await expect(openUnder(altered, cek())).rejects.toMatchObject({ code: 'open_failed' });
  });

  it('opens with the private key on the platform, and not as a token of ours', async () => {
    const plaintext = await openVectorJwe(output.compact, input.key, 'platform');
    expect(decodeUtf8(plaintext)).toBe(input.plaintext);
    await expect(openVectorJwe(output.compact, input.key, 'bulla')).rejects.toMatchObject({ code: 'token_malformed' });
  });
});

describe('RFC 7520 §5.6, direct A128GCM', () => {
  const { input, output } = direct;

  it('opens on the platform', async () => {
    expect(decodeUtf8(await openVectorJwe(output.compact, input.key, 'platform'))).toBe(input.plaintext);
  });

  it('does not open as ours: content keys have 256 bits', async () => {
    const key = new Secret(decodeBase64url(input.key.k ?? ''));
    await expect(openUnder(parse(output.compact), key)).rejects.toMatchObject({ code: 'open_failed' });
  });
});

describe('RFC 7520 §6, a PS256 signature inside encryption', () => {
  const { sign, encrypt } = nested;
  const record = { alg: 'PS256', use: 'sig', jwk: publicOf(sign.input.key) } as KeyRecord;
  const verify = (token: string) =>
    verifyJws({ token, header: readHeader(token, 3) as unknown as JwsHeader, claims: undefined }, record, 'vector');

  it('opens to the signed token, which verifies', async () => {
    const inner = decodeUtf8(await openVectorJwe(encrypt.output.compact, encrypt.input.key, 'platform'));
    expect(inner).toBe(sign.output.compact);
    await expect(verify(inner)).resolves.toBeUndefined();
  });

  it.each([1, 2])('is refused once part %i of the signed token is altered', async (part) => {
    await expect(verify(alterPart(sign.output.compact, part))).rejects.toMatchObject({ code: 'signature_invalid' });
  });
});

/** The parts of a token whose header may no longer be JSON. */
function partsOf(token: string) {
  const [, encryptedKey, iv, ciphertext, tag] = split(token, 5, 65_536);
  return {
    ...parse(oaep.output.compact).parts,
    protected: token.slice(0, token.indexOf('.')),
    encryptedKey,
    iv,
    ciphertext,
    tag,
  } as ReturnType<typeof parse>['parts'];
}

function publicOf({ kty = 'RSA', n = '', e = '' }: JWK): PublicJwk {
  return { kty, n, e } as PublicJwk;
}
