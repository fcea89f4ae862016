import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeBase64url, digestB64u, encodeBase64url, utf8 } from '../encoding/bytes.js';
import type { DocumentKey, DocumentRole } from './document.js';
import { cosignDocument, countSignatures, requireSignatures, signDocument } from './document.js';
import { parsePolicy } from '../organisation/policy.js';
import { parseRoot } from '../organisation/root.js';
import type { Signer } from '../keys/signer.js';
import { loadSigner } from '../keys/signer.js';
import type { SignAlg } from '../keys/suites.js';
import { makeOrganisation } from '../testing.js';
import { keyPairOf } from '../testing/members.js';

interface RawSignature {
  protected: string;
  signature: string;
}
interface RawDocument {
  payload: string;
  signatures: RawSignature[];
}

const signers: Signer[] = [];
const keys: Record<string, DocumentKey> = {};
let role: DocumentRole;
/** A root with one signature by each of the three keys. */
let token: string;

beforeAll(async () => {
  for (const name of ['one', 'two', 'three']) {
    const { kid, publicJwk, privateJwk, alg } = await keyPairOf(name, name === 'three' ? 'rsa3072' : 'ed25519', 'sig');
    keys[kid] = { jwk: publicJwk, alg: alg as SignAlg };
    signers.push(await loadSigner(privateJwk, alg as SignAlg));
  }
  role = { kids: signers.map(({ kid }) => kid), threshold: 2 };
  const organisation = await makeOrganisation();
  token = await signDocument(organisation.trust.root, signers);
});

function signer(index: number): Signer {
  const found = signers[index];
  if (found === undefined) throw new Error('no such signer');
  return found;
}

function raw(text: string): RawDocument {
  return JSON.parse(text) as RawDocument;
}

/** The document with its outer JSON changed. */
function changed(change: (document: RawDocument) => unknown): string {
  const document = raw(token);
  const replaced = change(document);
  return JSON.stringify(replaced ?? document);
}

/** The document with members of its first signature replaced. */
function withSignature(change: (first: RawSignature) => Partial<RawSignature>): string {
  return changed(({ payload, signatures: [first = { protected: '', signature: '' }, ...others] }) => ({
    payload,
    signatures: [{ ...first, ...change(first) }, ...others],
  }));
}

/** The document with the protected header of its first signature replaced; text stays as it is. */
function withHeader(header: unknown): string {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  return withSignature(() => ({ protected: encodeBase64url(utf8(text)) }));
}

describe('parsing a document', () => {
  it('hashes the payload bytes and lists the signatures', async () => {
    const parsed = await parseRoot(token);
    expect(parsed.hash).toBe(await digestB64u(decodeBase64url(raw(token).payload)));
    expect(parsed.signatures.map(({ kid }) => kid)).toEqual(role.kids);
  });

  it('freezes the payload all the way down', async () => {
    const { payload } = await parseRoot(token);
    expect(() => {
      payload.roles.root.threshold = 0;
    }).toThrow(TypeError);
  });

  const header = () => ({ alg: 'Ed25519', typ: 'bulla-root+jws', kid: role.kids[0] });

  it.each<[string, () => string]>([
    ['a further member', () => changed((document) => ({ ...document, header: {} }))],
    ['a missing member', () => changed(({ payload }) => ({ payload }))],
    [
      'an unprotected header',
      () =>
        changed(({ payload, signatures }) => ({
          payload,
          signatures: signatures.map((one) => ({ ...one, header: {} })),
        })),
    ],
    ['the flattened serialisation', () => changed(({ payload, signatures: [first] }) => ({ payload, ...first }))],
    ['no signatures', () => changed((document) => ({ ...document, signatures: [] }))],
    [
      'more than 32 signatures',
      () => changed((document) => ({ ...document, signatures: Array(33).fill(document.signatures[0]) })),
    ],
    [
      'one key twice [guard: document-twice]',
      () => changed(({ payload, signatures }) => ({ payload, signatures: [...signatures, signatures[0]] })),
    ],
    ['white space', () => `${token} `],
    ['duplicate members', () => token.replace('{', '{"payload":"",')],
    ['a padded payload', () => changed((document) => ({ ...document, payload: `${document.payload}=` }))],
    [
      'another spelling of the payload',
      () => changed((document) => ({ ...document, payload: `${document.payload}A` })),
    ],
    [
      'a payload with white space',
      () => changed((document) => ({ ...document, payload: encodeBase64url(utf8(' {}')) })),
    ],
    [
      'a payload that is no object',
      () => changed((document) => ({ ...document, payload: encodeBase64url(utf8('[]')) })),
    ],
    ['another spelling of a signature', () => withSignature(({ signature }) => ({ signature: `${signature}=` }))],
    ['a signature that is too long', () => withSignature(() => ({ signature: 'A'.repeat(684) }))],
    ['alg none [refuses: alg-none]', () => withHeader({ ...header(), alg: 'none' })],
    ['alg HS256 [refuses: alg-hs256]', () => withHeader({ ...header(), alg: 'HS256' })],
    ['a header of another typ [guard: document-type]', () => withHeader({ ...header(), typ: 'bulla-policy+jws' })],
    ['a header with jwk', () => withHeader({ ...header(), jwk: {} })],
    ['a header with crit', () => withHeader({ ...header(), crit: ['b64'], b64: false })],
    ['a header without kid', () => withHeader({ alg: 'Ed25519', typ: 'bulla-root+jws' })],
    ['a header with a path for kid [refuses: kid-path]', () => withHeader({ ...header(), kid: '../../etc/passwd' })],
    ['a header with a member twice', () => withHeader(JSON.stringify(header()).replace('{', '{"alg":"Ed25519",'))],
    ['a compact token', () => raw(token).payload.concat('..')],
  ])('refuses %s', async (_name, make) => {
    await expect(parseRoot(make())).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('refuses a document of another type', async () => {
    await expect(parsePolicy(token)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('refuses a payload over the limit of its type', async () => {
    const big = encodeBase64url(utf8(JSON.stringify({ _type: 'bulla-root', fill: 'x'.repeat(64 * 1024) })));
    await expect(parseRoot(changed((document) => ({ ...document, payload: big })))).rejects.toMatchObject({
      code: 'payload_too_large',
    });
  });

  it('refuses a document far over the limit before it decodes anything', async () => {
    await expect(
      parseRoot(changed((document) => ({ ...document, payload: '!'.repeat(200_000) }))),
    ).rejects.toMatchObject({
      code: 'payload_too_large',
    });
  });
});

describe('counting signatures', () => {
  const count = async (text: string, of: DocumentRole = role) => countSignatures(await parseRoot(text), of, keys);

  it('counts each good signature of a key of the role', async () => {
    expect(await count(token)).toBe(3);
  });

  it('ignores keys outside the role [guard: document-role]', async () => {
    expect(await count(token, { kids: role.kids.slice(0, 1), threshold: 1 })).toBe(1);
  });

  it('ignores a role key that is not listed', async () => {
    expect(await countSignatures(await parseRoot(token), role, {})).toBe(0);
  });

  it('counts by own members only [guard: document-key-listed]', async () => {
    const inherited = Object.create(keys) as Record<string, DocumentKey>;
    expect(await countSignatures(await parseRoot(token), role, inherited)).toBe(0);
  });

  it.each([0, 1, 2])('does not count signature %i with one bit flipped', async (index) => {
    const flipped = changed(({ signatures }) => {
      const signature = signatures[index];
      if (signature === undefined) return;
      const bytes = decodeBase64url(signature.signature);
      bytes[5] = (bytes[5] ?? 0) ^ 1;
      signature.signature = encodeBase64url(bytes);
    });
    expect(await count(flipped)).toBe(2);
  });

  it('does not count a signature under the kid of somebody else', async () => {
    const [, second] = raw(token).signatures;
    const stolen = withSignature(() => ({ signature: second?.signature ?? '' }));
    expect(await count(stolen)).toBe(2);
  });

  it('takes the algorithm from root and not from the header', async () => {
    const confused = withHeader({ alg: 'PS256', typ: 'bulla-root+jws', kid: role.kids[0] });
    expect(await count(confused)).toBe(2);
  });

  it('counts nothing of a document whose payload was changed', async () => {
    const other = await signDocument({ ...(await parseRoot(token)).payload, version: 2 }, signers.slice(0, 1));
    const swapped = JSON.stringify({ payload: raw(other).payload, signatures: raw(token).signatures });
    expect(await count(swapped)).toBe(0);
  });

  it('refuses one signature of two, and says how many are missing [guard: document-threshold]', async () => {
    const one = await parseRoot(await signDocument((await parseRoot(token)).payload, signers.slice(0, 1)));
    await expect(requireSignatures(one, role, keys, 'root-signatures')).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'root-signatures',
      message: '1 of 2 signatures needed are good',
    });
  });

  it('never counts after any one character of the payload changed', async () => {
    const { payload } = raw(token);
    await fc.assert(
      fc.asyncProperty(fc.nat(payload.length - 1), fc.constantFrom('A', 'b', '0', '_'), async (at, letter) => {
        fc.pre(payload[at] !== letter);
        const mutated = changed((document) => ({
          ...document,
          payload: payload.slice(0, at) + letter + payload.slice(at + 1),
        }));
        const good = await count(mutated).catch((error: unknown) => (error as { code: string }).code);
        expect([0, 'token_malformed', 'key_invalid']).toContain(good);
      }),
      { numRuns: 60 },
    );
  });
});

describe('signing a document', () => {
  it('adds a signature without touching the payload', async () => {
    const { payload } = await parseRoot(token);
    const alone = await signDocument(payload, signers.slice(0, 1));
    const both = await cosignDocument(alone, signer(1));
    expect(raw(both).payload).toBe(raw(alone).payload);
    expect(await countSignatures(await parseRoot(both), role, keys)).toBe(2);
  });

  it('replaces an earlier signature of the same key', async () => {
    const again = await cosignDocument(token, signer(2));
    expect((await parseRoot(again)).signatures).toHaveLength(3);
    expect(await countSignatures(await parseRoot(again), role, keys)).toBe(3);
  });

  it('refuses to sign twice with one key', async () => {
    const { payload } = await parseRoot(token);
    await expect(signDocument(payload, [signer(0), signer(0)])).rejects.toMatchObject({
      code: 'token_malformed',
    });
  });

  it('refuses to sign what no parser would take', async () => {
    const { payload } = await parseRoot(token);
    await expect(signDocument({ ...payload, org: '\ud800' }, signers)).rejects.toMatchObject({
      code: 'token_malformed',
    });
  });

  it('refuses to cosign anything but a document', async () => {
    const invalid = changed((document) => ({ ...document, payload: encodeBase64url(utf8('{"_type":"bulla-tag"}')) }));
    await expect(cosignDocument(invalid, signer(0))).rejects.toMatchObject({ code: 'token_malformed' });
  });
});
