import { openQuestionToken } from '../../../test/reading.js';
import { openPlatform } from '#open-platform';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Asked, Cast } from '../../../test/exchange.js';
import { ask, castOf } from '../../../test/exchange.js';
import type { TestOrganisation } from '../../../test/organisation.js';
import { loadOrganisation } from '../../../test/organisation.js';
import { flipped, rawJwe, withPart } from '../../../test/raw-token.js';
import { utf8 } from '../../encoding/bytes.js';
import { INVOCATION_MAX_BYTES, parseInvocation } from '../invocation.js';
import type { Unwrapper } from '../../keys/signer.js';

let acme: TestOrganisation;
let cast: Cast;
let asked: Asked;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  cast = await castOf(acme);
  asked = await ask(cast);
});

function sealed(plaintext: string | Uint8Array, change: object = {}): Promise<string> {
  const header = { ...parseInvocation(asked.sealed.token).header, ...change };
  return rawJwe(header, typeof plaintext === 'string' ? utf8(plaintext) : plaintext, cast.responder.enc.record.jwk);
}

describe('openInvocation', () => {
  it('gives the signed question and its outside back', async () => {
    const { inner, header } = await openQuestionToken(asked.sealed.token, cast.responder.unwrapper);
    expect(inner.token).toBe(asked.sealed.inner);
    expect(inner.claims).toEqual(asked.question);
    expect(header).toMatchObject({ iss: acme.urn('asker'), aud: acme.urn('eu1'), kid: acme.kid('eu1', 'enc') });
  });

  it.each<[string, () => Promise<string>, string]>([
    [
      'an outside that names another asker [guard: question-outside]',
      () => sealed(asked.sealed.inner, { iss: acme.urn('owner') }),
      'eu1',
    ],
    ['an outside that names another audience', () => sealed(asked.sealed.inner, { aud: acme.urn('us1') }), 'eu1'],
    ['an inside that is no token', () => sealed('hello'), 'eu1'],
    ['an inside that is not UTF-8', () => sealed(Uint8Array.of(0xff, 0xfe)), 'eu1'],
    ['an inside of more than 256 KiB', () => sealed(`${asked.sealed.inner}${'A'.repeat(INVOCATION_MAX_BYTES)}`), 'eu1'],
    ['an empty inside', () => sealed(''), 'eu1'],
    ['the key of another responder', () => Promise.resolve(asked.sealed.token), 'us1'],
    [
      'an outside that names the key of another responder',
      () => sealed(asked.sealed.inner, { kid: acme.kid('us1', 'enc') }),
      'eu1',
    ],
    [
      'an encrypted key that is none',
      () => Promise.resolve(withPart(asked.sealed.token, 1, new Uint8Array(256))),
      'eu1',
    ],
    ['another IV', () => Promise.resolve(withPart(asked.sealed.token, 2, new Uint8Array(12))), 'eu1'],
    ['another tag', () => Promise.resolve(withPart(asked.sealed.token, 4, new Uint8Array(16))), 'eu1'],
  ])('refuses %s as open_failed and says no more', async (_name, make, opener) => {
    const opening = openQuestionToken(await make(), await acme.unwrapper(opener));
    await expect(opening).rejects.toMatchObject({
      code: 'open_failed',
      message: 'could not be opened',
      check: undefined,
    });
    await expect(opening).rejects.not.toHaveProperty('cause');
  });

  it.each<[string, () => Promise<string> | string, string]>([
    ['four parts', () => asked.sealed.token.slice(0, asked.sealed.token.lastIndexOf('.')), 'token_malformed'],
    ['six parts', () => `${asked.sealed.token}.`, 'token_malformed'],
    ['the signed question itself', () => asked.sealed.inner, 'token_malformed'],
    ['a compressed inside', () => withHeader({ zip: 'DEF' }), 'token_malformed'],
    ['a critical extension', () => withHeader({ crit: ['exp'] }), 'token_malformed'],
    ['a key in the header', () => withHeader({ jwk: {} }), 'token_malformed'],
    ['RSA1_5 [refuses: alg-rsa1-5]', () => withHeader({ alg: 'RSA1_5' }), 'token_malformed'],
    ['OAEP with SHA-1 [refuses: oaep-sha1]', () => withHeader({ alg: 'RSA-OAEP' }), 'token_malformed'],
    ['AES-CBC', () => withHeader({ enc: 'A256CBC-HS512' }), 'token_malformed'],
    ['the type of a grant', () => withHeader({ typ: 'bulla-grant+jwe' }), 'token_malformed'],
    ['no cty', () => withHeader({ cty: undefined }), 'token_malformed'],
    ['a kid that is a path', () => withHeader({ kid: '../eu1' }), 'token_malformed'],
    ['an issuer of no organisation', () => withHeader({ iss: 'dev' }), 'token_malformed'],
    ['a header of more than 2 KiB', () => withHeader({ x: 'x'.repeat(2100) }), 'payload_too_large'],
    ['a token of a megabyte', () => `${asked.sealed.token}${'A'.repeat(1_000_000)}`, 'payload_too_large'],
  ])('refuses %s before the key is used', async (_name, make, code) => {
    const token = await make();
    const unused: Unwrapper = { ...cast.responder.unwrapper, unwrap: () => Promise.reject(new Error('key was used')) };
    await expect(openQuestionToken(token, unused)).rejects.toMatchObject({ code });
  });

  it('takes a question of almost 256 KiB, and wipes what it opened, good or bad', async () => {
    // The three parts of a question never have exactly 256 KiB: that one of them would end in a lone character.
    const longest = INVOCATION_MAX_BYTES - 1;
    const spare = Math.floor(((INVOCATION_MAX_BYTES - asked.sealed.inner.length) * 3) / 4) - 16;
    let full = asked;
    for (let more = 0; full.sealed.inner.length < longest; more++)
      full = await ask(cast, undefined, { vars: { ...asked.question.vars, text: 'x'.repeat(spare + more) } });
    expect(full.sealed.inner).toHaveLength(longest);
    const open = jest.spyOn(openPlatform, 'openGcm');
    const { inner } = await openQuestionToken(full.sealed.token, cast.responder.unwrapper);
    expect(inner.claims).toEqual(full.question);
    const bad = openQuestionToken(await sealed('hello'), cast.responder.unwrapper);
    await expect(bad).rejects.toMatchObject({ code: 'open_failed' });
    const opened = await Promise.all(open.mock.results.map(({ value }) => value as Promise<Uint8Array>));
    open.mockRestore();
    expect(opened.map(({ length }) => length)).toEqual([longest, 5]);
    expect(opened.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  });

  it('never opens after one changed character', async () => {
    let tried = 0;
    for (const token of flipped(asked.sealed.token)) {
      // Every seventh keeps the time down; the stride has no factor in common with the two bits of each character.
      if (tried++ % 7 !== 0) continue;
      await expect(openQuestionToken(token, cast.responder.unwrapper)).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:token_malformed|open_failed)$/),
      });
    }
    expect(tried).toBeGreaterThan(4000);
  });

  function withHeader(change: object): string {
    return withPart(asked.sealed.token, 0, { ...parseInvocation(asked.sealed.token).header, ...change });
  }
});
