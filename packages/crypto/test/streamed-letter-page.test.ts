import { readFileSync } from 'node:fs';
import type { PrivateJwk, PublicJwk } from '@bulla/crypto';
import { sealStreamedLetter } from '@bulla/crypto/letters';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { compactDecrypt, compactVerify, importJWK } from 'jose';
import { person } from './people.js';
import { gather, piecesOf } from './pieces.js';
import { openStream, sha256, sha256sum } from './raw-stream.js';
import { readVectors } from './vectors.js';

/** docs/spec/streamed-letter.md once more, with jose and node:crypto and nothing of ours. */
interface Steps {
  readonly outside: object;
  readonly inside: object;
  readonly key: string;
  readonly context: string;
  readonly text: Buffer;
  readonly end: string;
  readonly content: Buffer;
  readonly endHeader: object;
  readonly endPayload: object;
}

async function stepsOf(file: Buffer, recipient: PrivateJwk, sender: PublicJwk): Promise<Steps> {
  const newline = file.indexOf('\n');
  const letter = file.subarray(0, newline).toString();
  const isRsa = (jwk: PublicJwk) => jwk.kty === 'RSA';
  const own = await importJWK(recipient, isRsa(recipient) ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW');
  const by = await importJWK(sender, isRsa(sender) ? 'PS256' : 'ES256');
  const outer = await compactDecrypt(letter, own);
  const inner = await compactVerify(outer.plaintext, by);
  const [key, context] = [Buffer.from(inner.payload), sha256(letter)];
  const text = openStream(file.subarray(newline + 1), key, context);
  const at = text.lastIndexOf('\n');
  const [content, end] = [text.subarray(0, at), text.subarray(at + 1).toString()];
  const verified = await compactVerify(end, by);
  const endPayload = JSON.parse(Buffer.from(verified.payload).toString()) as object;
  expect(endPayload).toEqual({
    letter: sha256(outer.plaintext).toString('base64url'),
    size: content.length,
    hash: sha256sum(content),
  });
  return {
    outside: outer.protectedHeader,
    inside: inner.protectedHeader,
    key: key.toString('base64url'),
    context: context.toString('base64url'),
    text,
    end,
    content,
    endHeader: verified.protectedHeader,
    endPayload,
  };
}

describe('docs/spec/streamed-letter.md', () => {
  const page = readFileSync(new URL('../../../docs/spec/streamed-letter.md', import.meta.url), 'utf8');
  const { values, cases } = readVectors('streamed-letter.json') as {
    values: Record<'p256.enc', PrivateJwk> & Record<'p256.sig.pub', PublicJwk>;
    cases: [{ input: { sealed: string } }];
  };
  const blocks = (language: string) =>
    [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^\`]+)\\n\`\`\``, 'g'))].map(([, text = '']) => text);
  let steps: Steps;
  beforeAll(async () => {
    const sealed = Buffer.from(cases[0].input.sealed, 'base64url');
    steps = await stepsOf(sealed, values['p256.enc'], values['p256.sig.pub']);
  });

  it('shows the headers and the end of the first vector', () => {
    const shown = blocks('json').map((json): unknown => JSON.parse(json));
    expect(shown).toEqual([steps.outside, steps.inside, steps.endHeader, steps.endPayload]);
  });

  it('shows its key, its context and its text', () => {
    const [secrets, text = ''] = blocks('text');
    expect(secrets).toBe(`key      ${steps.key}\ncontext  ${steps.context}`);
    expect(text.endsWith('…')).toBe(true);
    expect(steps.text.toString().startsWith(text.slice(0, -1))).toBe(true);
    expect(steps.content.toString()).toBe('The key lies under the third stone.\nThe stone lies by the river.\n');
  });
});

describe('a peer on jose and node:crypto', () => {
  it.each([0, 16_383, 16_384, 300 * 16_384 + 11])('opens what we seal, of %i bytes', async (length) => {
    const [alice, bob] = [await person('alice', 'p256'), await person('bob', 'rsa2048')];
    const content = Buffer.alloc(length, 'bulla ');
    const about = { at: 1_795_694_400, name: 'film.mkv' };
    const file = await gather(sealStreamedLetter(piecesOf([content]), about, bob.signer, alice.sealing));
    const steps = await stepsOf(Buffer.from(file), alice.pairs.enc.privateJwk, bob.pairs.sig.publicJwk);
    expect(steps.content.equals(content)).toBe(true);
    expect(steps.inside).toMatchObject({ iat: about.at, name: about.name, aud: alice.sealing.kid });
  });
});
