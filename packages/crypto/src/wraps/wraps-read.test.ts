import { beforeAll, describe, expect, it } from '@jest/globals';
import { rawJwe, withPart } from '../../test/raw-token.js';
import type { Format } from '../../test/wraps.js';
import { CONTEXT, KID, ORGANISATION, WRAP } from '../../test/wraps.js';

let wrap: string;
let kek: string;
beforeAll(async () => {
  wrap = await WRAP.seal();
  kek = await ORGANISATION.seal();
});
const tokenOf = (format: Format) => (format === WRAP ? wrap : kek);

describe('reading refuses', () => {
  it.each<[string, Format, object]>([
    ['of a grant', WRAP, { typ: 'bulla-grant+jwe' }],
    ["of an organisation's key", WRAP, { typ: 'bulla-kek+jwe' }],
    ['with key wrapping without a place', WRAP, { alg: 'A256KW' }],
    ['with another cipher', WRAP, { enc: 'A128GCM' }],
    ['with a key of another organisation [guard: kekwrap-kid]', WRAP, { kid: 'kek:globex:7' }],
    ['with version 0 of a key', WRAP, { kid: 'kek:acme:0' }],
    ['with a version in another spelling', WRAP, { kid: 'kek:acme:07' }],
    ['with a version past all numbers', WRAP, { kid: 'kek:acme:2147483648' }],
    ['with more after its version', WRAP, { kid: 'kek:acme:7 ' }],
    ['with a fraction of a version', WRAP, { kid: 'kek:acme:7.5' }],
    ['without a version', WRAP, { kid: 'kek:acme:' }],
    [
      'with a prompt of another organisation [guard: kekwrap-abroad]',
      WRAP,
      { sub: CONTEXT.sub.replace('acme', 'globex') },
    ],
    ['with a prompt that is none', WRAP, { sub: 'claims/triage' }],
    ['with version 0', WRAP, { ver: 0 }],
    ['with a key id in capitals', WRAP, { dek: `dek_${'A'.repeat(32)}` }],
    ['without a content hash', WRAP, { chash: undefined }],
    ['with compression', WRAP, { zip: 'DEF' }],
    ['with a member more', WRAP, { kver: 7 }],
    ['of a wrapped content key', ORGANISATION, { typ: 'bulla-kekwrap+jwe' }],
    ['with a name that says another version [guard: kek-id]', ORGANISATION, { kek: 'kek:acme:8' }],
    ['with a name that says another organisation', ORGANISATION, { kek: 'kek:globex:7' }],
    ['with version 0 of it', ORGANISATION, { kek: 'kek:acme:0', kver: 0 }],
    ['under a key that is no root key', ORGANISATION, { kid: KID }],
    ['under a root key without a provider', ORGANISATION, { kid: 'root::1' }],
    ['under a path', ORGANISATION, { kid: 'root:file:../../etc' }],
    ['with a content', ORGANISATION, { sub: CONTEXT.sub }],
  ])('a header %s', async (_name, format, change) => {
    const header = { ...format.header(tokenOf(format)), ...change };
    const token = withPart(tokenOf(format), 0, header);
    await expect(format.open({ token })).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each([
    ['an encrypted key', 1, 40],
    ['an initialisation vector of 16 bytes', 2, 16],
    ['a tag of 12 bytes', 4, 12],
  ])('%s', async (_name, index, bytes) => {
    const token = withPart(wrap, index, new Uint8Array(bytes));
    await expect(WRAP.open({ token })).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each([
    ['31 bytes, rightly wrapped [guard: wrap-length]', 31],
    ['64 bytes', 64],
    ['nothing', 0],
  ])('a key of %s', async (_name, bytes) => {
    const header = { alg: 'dir', enc: 'A256GCM', ...WRAP.header(wrap) };
    const token = await rawJwe(header, new Uint8Array(bytes), WRAP.under);
    await expect(WRAP.open({ token })).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('what is longer than any of them', async () => {
    const token = withPart(kek, 3, new Uint8Array(8192));
    await expect(ORGANISATION.open({ token })).rejects.toMatchObject({ code: 'payload_too_large' });
  });
});
