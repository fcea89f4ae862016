import { beforeAll, describe, expect, it } from '@jest/globals';
import { exampleStatement, NAME, promptOf } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { KEPT, loadOrganisation, NOW } from '../../test/organisation.js';
import { flipped } from '../../test/raw-token.js';
import { tokenHash } from '../encoding/bytes.js';
import type { Signer } from '../keys/signer.js';
import type { Statement, StatementContext } from './statement.js';
import { parseStatement, signStatement, verifyStatement } from './statement.js';

const managed = { name: 'open/faq', custody: 'managed' } as const;
let acme: TestOrganisation;
let globex: TestOrganisation;
let owner: Signer;
let chash: string;

beforeAll(async () => {
  [acme, globex] = await Promise.all([loadOrganisation('acme'), loadOrganisation('globex')]);
  owner = await acme.signer('owner');
  chash = await tokenHash('some content');
});

function context(changes: Partial<StatementContext> = {}): StatementContext {
  return { trust: acme.trust, now: NOW, chash, expect: { sub: promptOf(acme), name: NAME, ver: 3 }, ...changes };
}

async function signedBy(name: string, changes: Partial<Statement> = {}, key = 'sig'): Promise<string> {
  return signStatement(exampleStatement(acme, { iss: acme.urn(name), ...changes }), await acme.signer(name, key));
}

/** A prompt with a variable of three characters. */
function contentWith(variable: { default?: string }): Statement['content'] {
  const vars = { a: { type: 'string' as const, max: 3, ...variable } };
  return { messages: [{ role: 'user', content: '{{a}}' }], vars, model: { name: 'm' } };
}

describe('a statement', () => {
  it('is read back as it was signed, with its author', async () => {
    const claims = exampleStatement(acme);
    const verified = await verifyStatement(await signStatement(claims, owner), context());
    expect(verified.claims).toEqual(claims);
    expect(verified.author).toMatchObject({ urn: acme.urn('owner'), record: { kid: owner.kid } });
  });

  it('is parsed without trusting it', async () => {
    const token = await signedBy('guest');
    expect(parseStatement(token).claims).toEqual(exampleStatement(acme, { iss: acme.urn('guest') }));
  });

  it.each([
    ['of an author whose key no longer signs', 'veteran', {}],
    ['of an author with an Ed25519 key', 'releaser', {}],
    [
      'without model options',
      'owner',
      { content: { messages: [{ role: 'user', content: '' }], vars: {}, model: { name: 'm' } } },
    ],
    [
      'with the temperature at its bound',
      'owner',
      { content: { messages: [{ role: 'user', content: 'x' }], vars: {}, model: { name: 'm', temperature: 2 } } },
    ],
    [
      'with an answer among its messages',
      'owner',
      { content: { messages: [{ role: 'assistant', content: 'x' }], vars: {}, model: { name: 'm' } } },
    ],
    ['with a default as long as its variable may be', 'owner', { content: contentWith({ default: 'abc' }) }],
    ['with a short variable that has no default', 'owner', { content: contentWith({}) }],
  ] as [string, string, Partial<Statement>][])('is accepted %s', async (_name, author, changes) => {
    const { claims } = await verifyStatement(await signedBy(author, changes), context());
    expect(claims).toMatchObject(changes);
  });

  it.each([
    ['an author', 'owner', 'sig'],
    ['the vault', 'vault', 'content'],
  ])('is accepted of %s under a managed name', async (_name, author, key) => {
    const token = await signedBy(author, managed, key);
    const { claims } = await verifyStatement(
      token,
      context({ expect: { sub: promptOf(acme), name: managed.name, ver: 3 } }),
    );
    expect(claims.custody).toBe('managed');
  });
});

describe('verifyStatement refuses', () => {
  it.each([
    [
      'a key that nobody holds',
      () => signStatement(exampleStatement(acme), { ...owner, kid: globex.kid('owner') }),
      'key_unknown',
      'statement-key',
    ],
    ['a key that is not for content', () => signedBy('browser'), 'key_unknown', 'statement-key'],
    [
      'a key that is not for signing',
      () => signStatement(exampleStatement(acme), { ...owner, kid: acme.kid('owner', 'enc') }),
      'key_unknown',
      'statement-key',
    ],
    ['a revoked author [refuses: key-revoked]', () => signedBy('leaver'), 'key_revoked', 'statement-key'],
    [
      'a revoked author who dates back [guard: key-usable]',
      () => signedBy('leaver', { iat: 1 }),
      'key_revoked',
      'statement-key',
    ],
    ['a key past its end [guard: key-past-end]', () => signedBy('ended'), 'key_revoked', 'statement-key'],
    ['a key before its time [guard: key-not-yet]', () => signedBy('early'), 'key_revoked', 'statement-key'],
    [
      'a suite that the policy does not list [guard: key-suite]',
      () => signedBy('stranger'),
      'suite_unknown',
      'statement-key',
    ],
    [
      'a signature by another key [guard: statement-signature]',
      async () => signStatement(exampleStatement(acme), { ...(await acme.signer('asker')), kid: owner.kid }),
      'signature_invalid',
      'statement-signature',
    ],
    [
      "an algorithm that is not the key's",
      async () => signStatement(exampleStatement(acme), { ...(await acme.signer('guest')), kid: owner.kid }),
      'signature_invalid',
      'statement-signature',
    ],
    [
      'an issuer who does not hold the key [guard: statement-issuer]',
      () => signStatement(exampleStatement(acme, { iss: acme.urn('releaser') }), owner),
      'envelope_tampered',
      'statement-issuer',
    ],
    [
      'another prompt under the name [guard: statement-prompt]',
      () => signedBy('owner', { sub: `urn:bulla:acme:prompt:${acme.prompts[1]}` }),
      'envelope_tampered',
      'statement-place',
    ],
    [
      'another name [guard: statement-name]',
      () => signedBy('owner', { name: 'claims/triage2' }),
      'envelope_tampered',
      'statement-place',
    ],
    [
      'another version [guard: statement-version]',
      () => signedBy('owner', { ver: 2 }),
      'envelope_tampered',
      'statement-place',
    ],
    [
      'another organisation as audience [guard: statement-organisation]',
      () => signedBy('owner', { aud: 'urn:bulla:globex' }),
      'envelope_tampered',
      'statement-organisation',
    ],
    [
      'an organisation whose name only begins alike',
      () => signedBy('owner', { aud: 'urn:bulla:acme2' }),
      'envelope_tampered',
      'statement-organisation',
    ],
    [
      'a responder of another organisation',
      () => signedBy('owner', { acl: { invoke: [], read: [], responders: [globex.urn('eu1')] } }),
      'envelope_tampered',
      'statement-organisation',
    ],
    [
      'managed custody under a sealed name [guard: statement-custody]',
      () => signedBy('owner', { custody: 'managed' }),
      'custody_not_allowed',
      'statement-custody',
    ],
    [
      'content signed by the vault under a sealed name [guard: statement-vault]',
      () => signedBy('vault', {}, 'content'),
      'forbidden',
      'statement-author',
    ],
    ["the vault's key for envelopes", () => signedBy('vault', {}), 'key_unknown', 'statement-key'],
    [
      "an author outside the name's groups [guard: author-group] [guard: statement-author]",
      () => signedBy('guest'),
      'forbidden',
      'statement-author',
    ],
    [
      'a member of the groups who is no author [guard: author-role]',
      () => signedBy('member'),
      'forbidden',
      'statement-author',
    ],
  ] as [string, () => Promise<string>, string, string][])('%s', async (_name, token, code, check) => {
    await expect(verifyStatement(await token(), context())).rejects.toMatchObject({ code, check });
  });

  it('sealed custody under a managed name', async () => {
    const token = await signedBy('owner', { name: managed.name });
    const refused = verifyStatement(token, context({ expect: { sub: promptOf(acme), name: managed.name, ver: 3 } }));
    await expect(refused).rejects.toMatchObject({ code: 'custody_not_allowed', check: 'statement-custody' });
  });

  it('a statement of another organisation, even rightly made', async () => {
    const token = await signStatement(exampleStatement(globex), await globex.signer('owner'));
    await expect(verifyStatement(token, context())).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('the first fault first when there are several', async () => {
    const token = await signedBy('guest', { ver: 9, custody: 'managed' });
    await expect(verifyStatement(token, context())).rejects.toMatchObject({ check: 'statement-place' });
  });

  it('any single changed character', async () => {
    const token = await signedBy('releaser', { message: '' });
    for (const other of flipped(token)) {
      await expect(verifyStatement(other, context())).rejects.toMatchObject({
        code: expect.stringMatching(/^(token_malformed|key_unknown|signature_invalid)$/),
      });
    }
  });
});

describe('kept content', () => {
  it.each([
    ['is accepted of a revoked author', 'leaver'],
    ['is accepted of an author whose key is past its end', 'ended'],
    ['is accepted of an author who left the groups', 'guest'],
    ['is accepted of a device that is no author any more', 'member'],
    ['is accepted in a suite that the policy dropped', 'stranger'],
  ])('%s', async (_name, author) => {
    const verified = await verifyStatement(await signedBy(author), context({ chash: KEPT }));
    expect(verified.author.urn).toBe(acme.urn(author));
  });

  it.each([
    [
      'a key that nobody holds',
      () => signStatement(exampleStatement(acme), { ...owner, kid: globex.kid('owner') }),
      'key_unknown',
      'statement-key',
    ],
    ['a key that is not for content [guard: kept-purpose]', () => signedBy('browser'), 'key_unknown', 'statement-key'],
    [
      'a signature by another key',
      async () => signStatement(exampleStatement(acme), { ...(await acme.signer('asker')), kid: owner.kid }),
      'signature_invalid',
      'statement-signature',
    ],
    ['another place', () => signedBy('leaver', { ver: 4 }), 'envelope_tampered', 'statement-place'],
    ['another custody', () => signedBy('leaver', { custody: 'managed' }), 'custody_not_allowed', 'statement-custody'],
    ['the vault under a sealed name', () => signedBy('vault', {}, 'content'), 'forbidden', 'statement-author'],
  ] as [string, () => Promise<string>, string, string][])('is no excuse for %s', async (_name, token, code, check) => {
    await expect(verifyStatement(await token(), context({ chash: KEPT }))).rejects.toMatchObject({ code, check });
  });
});
