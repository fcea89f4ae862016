import { describe, expect, it } from '@jest/globals';
import { decodeUtf8 } from '../src/encoding/bytes.js';
import type { Component } from '../src/http/signature-base.js';
import { isSignatureOf } from '../src/keys/keys.js';
import {
  component,
  componentList,
  decodeByteSequence,
  encodeByteSequence,
  signatureBase,
} from '../src/http/signature-base.js';
import type { KeyRecord } from '../src/keys/keys.js';
import { loadSigner } from '../src/keys/signer.js';

import { readVectors } from './vectors.js';
import type { PrivateJwk } from '../src/keys/suites.js';

interface AppendixB {
  readonly keys: { readonly 'test-key-ed25519': { readonly jwk: Extract<PrivateJwk, { kty: 'OKP' }> } };
  readonly messages: Readonly<Record<string, string>>;
  readonly cases: readonly SignatureCase[];
}
interface SignatureCase {
  readonly title: string;
  readonly label: string;
  readonly message: string;
  readonly signature_base: string;
  readonly signature_input: string;
  readonly signature_base64: string;
}
interface ByteSequenceCase {
  readonly name: string;
  readonly raw: readonly string[];
  readonly canonical?: readonly string[];
  readonly must_fail?: true;
  /** The bytes in base32. */
  readonly expected?: readonly [{ readonly value: string }, unknown];
}

const appendixB = readVectors('rfc9421/rfc9421_appendix_b.json') as AppendixB;
/** The vector's test-response carries the digest of another body; the base is right (vectors/README.md). */
const RESPONSE_DIGEST =
  'sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:';

/** The components that a case covers, with their values from the message. */
function componentsOf({ message, signature_input: input }: SignatureCase): Component[] {
  const text = appendixB.messages[message] ?? '';
  const [start = '', ...lines] = (text.split('\n\n')[0] ?? '').split('\n');
  const fields = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  if (message === 'test-response') fields.set('content-digest', RESPONSE_DIGEST);
  const [method = '', target = ''] = start.split(' ');
  const url = new URL(target, 'https://host.invalid');
  const derived = new Map([
    ['@method', method],
    ['@authority', fields.get('host')],
    ['@path', url.pathname],
    ['@query', url.search],
    ['@query-param', url.searchParams.get('Pet') ?? ''],
    ['@status', target],
  ]);
  const list = /\(([^)]*)\)/.exec(input)?.[1] ?? '';
  return [...list.matchAll(/"([^"]+)"((?:;[a-z]+="[^"]*")*)/g)].map(([, name = '', parameters = '']) =>
    component(name, derived.get(name) ?? fields.get(name) ?? '', parameters),
  );
}

function paramsOf({ label, signature_input: input }: SignatureCase): string {
  return input.slice(`${label}=`.length);
}

describe('RFC 9421 appendix B', () => {
  it('has 7 cases', () => {
    expect(appendixB.cases.length).toBe(7);
  });

  it.each(appendixB.cases)('gives the signature base of: $title', (vector) => {
    const components = componentsOf(vector);
    expect(paramsOf(vector).startsWith(`${componentList(components)};`)).toBe(true);
    expect(decodeUtf8(signatureBase(components, paramsOf(vector)))).toBe(vector.signature_base);
  });

  describe('B.2.6, Ed25519', () => {
    const vector = appendixB.cases.find(({ label }) => label === 'sig-b26') as SignatureCase;
    const { kty, crv, x, d } = appendixB.keys['test-key-ed25519'].jwk;
    const record = { use: 'sig', alg: 'Ed25519', jwk: { kty, crv, x } } as KeyRecord;
    const base = signatureBase(componentsOf(vector), paramsOf(vector));
    const signature = decodeByteSequence(`:${vector.signature_base64}:`);

    it('verifies', async () => {
      await expect(isSignatureOf(record, base, signature)).resolves.toBe(true);
    });

    it('is signed to the same bytes', async () => {
      const signer = await loadSigner({ kty, crv, x, d }, 'Ed25519');
      expect(encodeByteSequence(await signer.sign(base))).toBe(`:${vector.signature_base64}:`);
    });

    it('is refused once a byte of the base or the signature is altered', async () => {
      for (const bytes of [base, signature]) {
        const original = bytes[9] ?? 0;
        bytes[9] = original ^ 1;
        await expect(isSignatureOf(record, base, signature)).resolves.toBe(false);
        bytes[9] = original;
      }
      await expect(isSignatureOf(record, base, signature)).resolves.toBe(true);
    });
  });
});

describe('RFC 9651 byte sequences', () => {
  const cases = readVectors('structured-fields/binary.json') as readonly ByteSequenceCase[];
  /** `can_fail` cases have another spelling than their canonical one: the profile takes the canonical one alone. */
  const isCanonical = (vector: ByteSequenceCase) => vector.must_fail !== true && vector.canonical === undefined;

  it('are 15 cases, 3 of them valid and canonical', () => {
    expect({ all: cases.length, canonical: cases.filter(isCanonical).length }).toEqual({ all: 15, canonical: 3 });
  });

  it.each(cases.filter(isCanonical))('decodes and encodes: $name', ({ raw, expected }) => {
    const item = raw.join(', ');
    const bytes = decodeByteSequence(item);
    expect(base32(bytes)).toBe(expected?.[0].value);
    expect(encodeByteSequence(bytes)).toBe(item);
  });

  it.each(cases.filter((vector) => !isCanonical(vector)))('refuses: $name', ({ raw, canonical }) => {
    expect(() => decodeByteSequence(raw.join(', '))).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    for (const item of canonical ?? []) expect(encodeByteSequence(decodeByteSequence(item))).toBe(item);
  });
});

function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const digits = bits.match(/.{1,5}/g) ?? [];
  const text = digits
    .map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(group.padEnd(5, '0'), 2)])
    .join('');
  return text.padEnd(Math.ceil(text.length / 8) * 8, '=');
}
