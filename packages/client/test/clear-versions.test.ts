import type { NewClearVersion } from '@bulla/contract';
import type { Statement } from '@bulla/crypto';
import {
  encodeBase64url,
  isSealAlg,
  loadSigner,
  privateJwkOf,
  organisationUrn,
  randomBytes,
  sealContent,
  sealGrant,
  signStatement,
  urnOf,
} from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

// Versions that the vault signs and seals: who lets their text leave this machine, and what is believed of what comes back.

const CUSTODY = { '*': 'sealed', 'open/': 'managed' } as const;
let world: World;
let author: Bulla;
beforeEach(async () => {
  world = await makeWorld({ manages: true, policy: { custody: CUSTODY } });
  author = await world.client();
  entrusted();
});
afterEach(() => world.stop());

const push = (name: string, text: string, labels: string[] = [], by = author) =>
  by.prompts.push(name, 'text', draftOf(text), labels, { clear: true });
const sent = () => world.vault.service.of('version.entrust').map(({ body }) => JSON.parse(body) as NewClearVersion);

/** What the vault makes of such a request, with what it says otherwise, and whom it seals it to. */
function entrusted(changes: Partial<Statement> = {}, { toNobody = false } = {}): void {
  world.vault.service.lies['version.entrust'] = async ({ params, body, urn, kid }) => {
    const { organisation, vault, clock } = world;
    const { statement: said, prompt: made } = body as NewClearVersion;
    const { id = '' } = params;
    if (made !== undefined) vault.prompts.set(id, { id, ...made, versions: [], deleted: false });
    const prompt = vault.prompts.get(id);
    const key = organisation.vault.keyFile.keys.find(({ pur }) => pur.includes('content'));
    if (prompt === undefined || key === undefined || isSealAlg(key.alg)) throw new Error('nothing to sign with');
    const place = { org: 'acme', sub: urnOf('acme', 'prompt', id), ver: prompt.versions.length + 1 };
    const statement = {
      iss: organisation.vault.urn,
      aud: organisationUrn('acme'),
      sub: place.sub,
      name: prompt.name,
      ver: place.ver,
      iat: clock.seconds,
      jti: encodeBase64url(randomBytes(16)),
      purpose: 'prompt.content',
      custody: 'managed',
      n: encodeBase64url(randomBytes(16)),
      ...said,
      attachments: [],
      ...changes,
    } as Statement;
    const sealed = await sealContent(
      await signStatement(statement, await loadSigner(privateJwkOf(key), key.alg)),
      place,
    );
    const [own] = organisation.trust.activeKeys(urn, 'unwrap', clock.seconds);
    const grants = own === undefined || toNobody ? [] : [await sealGrant(sealed.dek, sealed, own)];
    const { content, chash } = sealed;
    prompt.versions.push({ version: place.ver, chash, content, grants, author: { urn, kid } });
    return { body: { version: place.ver, chash, labels: [] } };
  };
}

describe('a version in the clear', () => {
  it('is signed and sealed by the vault, opened again, and labelled by its author', async () => {
    const first = await push('open/faq', 'Answer {{claim}}', ['production']);
    expect(first).toMatchObject({ version: 1, custody: 'managed', changed: true, labels: ['production'] });
    const second = await push('open/faq', 'Answer {{claim}} well');
    expect(second).toMatchObject({ version: 2, labels: [] });
    const [made, next] = sent();
    expect(made).toMatchObject({ prompt: { name: 'open/faq', type: 'text' } });
    expect(next).not.toHaveProperty('prompt');
    expect(made?.salt).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(next?.salt).not.toBe(made?.salt);
    const read = await author.prompts.read('open/faq');
    expect([read.version, read.author]).toEqual([2, world.organisation.vault.urn]);
    expect((await author.prompts.read('open/faq', { label: 'production' })).version).toBe(1);
  });

  it('is none where the text says what the newest says: then labels move, and no text is sent', async () => {
    await push('open/faq', 'Answer {{claim}}');
    const again = await push('open/faq', 'Answer {{claim}}', ['production']);
    expect(again).toMatchObject({ version: 1, changed: false, labels: ['production'] });
    expect(sent()).toHaveLength(1);
  });

  it('is not sent under a sealed name [guard: client-clear-custody]', async () => {
    await expect(push('claims/triage', 'Sort {{claim}}')).rejects.toMatchObject({
      code: 'custody_not_allowed',
      check: 'clear-custody',
    });
    expect(sent()).toEqual([]);
  });

  it('is not sent where others could read it on its way [guard: client-clear-connection]', async () => {
    await world.stop();
    // Of a development organisation no vault is believed that is elsewhere.
    world = await makeWorld({ manages: true, profile: 'production', policy: { custody: CUSTODY } });
    const url = 'http://vault.example';
    const reach: typeof fetch = (input, init) =>
      fetch(String(input instanceof Request ? input.url : input).replace(url, world.vault.service.url), init);
    const remote = await world.client(world.organisation.owner, { url, fetch: reach });
    await expect(push('open/faq', 'Answer {{claim}}', [], remote)).rejects.toMatchObject({
      code: 'forbidden',
      check: 'clear-connection',
    });
    expect(sent()).toEqual([]);
  });

  const lies: [string, () => void][] = [
    ['signs another text', () => entrusted({ content: draftOf('Ignore {{claim}}').content })],
    ['lets others run it', () => entrusted({ acl: { invoke: ['grp:all'], read: [], responders: [] } })],
    ['says something else of it', () => entrusted({ message: 'harmless' })],
    ['does not let its author open it', () => entrusted({}, { toNobody: true })],
  ];
  it.each(lies)('bears no label if the vault %s', async (_name, lie) => {
    lie();
    await expect(push('open/faq', 'Answer {{claim}}', ['production'])).rejects.toMatchObject({
      code: 'envelope_tampered',
      check: 'clear-statement',
    });
    expect([...world.vault.labels.keys()]).toEqual([]);
  });

  it('is compared with what was sent, whatever the order of its members [guard: client-clear-stored]', async () => {
    const { content, ...draft } = draftOf('Answer {{claim}}');
    const { messages, vars, model } = content;
    const turned = { ...draft, content: { model, vars, messages } };
    await author.prompts.push('open/faq', 'text', turned, [], { clear: true });
    entrusted({ content: draftOf('Ignore {{claim}}').content });
    await expect(push('open/faq', 'Answer {{claim}} well')).rejects.toMatchObject({ check: 'clear-statement' });
  });
});
