import { beforeAll, describe, expect, it } from '@jest/globals';
import { example, promptOf } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation } from '../../test/organisation.js';
import { rawJwe } from '../../test/raw-token.js';
import type { Recipient } from '../organisation/directory-keys.js';
import { loadUnwrapper } from '../tokens/open/compact.js';
import type { KeyPair, Unwrapper } from '../keys/signer.js';
import { generateKeyPair } from '../keys/signer.js';
import type { SealedContent } from './content.js';
import { parseDeposit, sealDeposit } from './deposit.js';
import { parseGrant, sealGrant } from './grant.js';
import type { ExpectedGrant } from './open/grant.js';
import { openDeposit } from './open/grant.js';

let acme: TestOrganisation;
let sealed: SealedContent;
let pair: KeyPair;
let vault: Recipient;
let unwrapper: Unwrapper;
let expected: ExpectedGrant;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  ({ sealed } = await example(acme));
  pair = await generateKeyPair('p256', 'enc');
  const { kid, publicJwk } = pair;
  const { record } = acme.holder('eu1', 'enc');
  vault = {
    urn: acme.urn('vault'),
    record: { ...record, kid, alg: 'ECDH-ES+A256KW', suite: 'p256', jwk: publicJwk },
  };
  unwrapper = await loadUnwrapper(pair.privateJwk, 'ECDH-ES+A256KW');
  expected = { urn: vault.urn, sub: promptOf(acme), ver: 3, chash: sealed.chash, dekId: sealed.dekId, dkc: sealed.dkc };
});

const stronger = () => ({ ...sealed, protectUntil: '2029-12-31' });

describe('a deposit', () => {
  it('opens to the content key for the vault, and says of which content', async () => {
    const parsed = parseDeposit(await sealDeposit(sealed.dek, stronger(), vault));
    expect(parsed.header).toMatchObject({ typ: 'bulla-deposit+jwe', aud: vault.urn, chash: sealed.chash, ver: 3 });
    const dek = await openDeposit(parsed, unwrapper, expected);
    expect(dek.reveal()).toEqual(sealed.dek.reveal());
  });

  it('is made for nobody but a vault [guard: deposit-vault]', async () => {
    const forResponder = sealDeposit(sealed.dek, stronger(), { ...vault, urn: acme.urn('eu1') });
    await expect(forResponder).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('is no grant, and a grant is no deposit', async () => {
    const deposit = await sealDeposit(sealed.dek, stronger(), vault);
    expect(() => parseGrant(deposit)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    const grant = await sealGrant(sealed.dek, stronger(), { ...vault, urn: acme.urn('eu1') });
    expect(() => parseDeposit(grant)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    const renamed = { ...parseDeposit(deposit).header, typ: 'bulla-grant+jwe' };
    const raw = await rawJwe(renamed, sealed.dek.reveal(), vault.record.jwk);
    expect(() => parseGrant(raw)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it.each([
    ['another prompt', () => ({ sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` })],
    ['another version', () => ({ ver: 4 })],
    ['another content', () => ({ chash: 'A'.repeat(43) })],
    ['another content key', () => ({ dekId: `dek_${'0'.repeat(32)}` })],
    ['another commitment', () => ({ dkc: 'A'.repeat(43) })],
  ])('does not open for %s', async (_name, change) => {
    const parsed = parseDeposit(await sealDeposit(sealed.dek, stronger(), vault));
    const opening = openDeposit(parsed, unwrapper, { ...expected, ...change() });
    await expect(opening).rejects.toMatchObject({ code: 'open_failed' });
  });
});
