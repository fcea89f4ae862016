import {
  encodeBase64url,
  mintId,
  parseTag,
  positionHash,
  positionOf,
  randomBytes,
  sealContent,
  sealGrant,
  signStatement,
  signTag,
  tokenHash,
} from '@bulla/crypto';
import type { EnvelopeClaims, TagClaims } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { World } from './world.js';
import { draftOf, makeWorld, withAnotherEnd } from './world.js';

const NAME = 'claims/triage';
const SECRET = 'the-claim-that-nobody-may-see';
let world: World;
let bulla: Bulla;
beforeEach(async () => {
  world = await makeWorld();
  const author = await world.client();
  await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
  await author.prompts.push('claims/other', 'text', draftOf('Other {{claim}}'), ['production']);
  bulla = await world.client();
});
afterEach(() => world.stop());

/** Runs the prompt. Whatever is refused: neither service may have seen anything of the variables, sealed or not. */
async function run(choice = {}): Promise<unknown> {
  const before = world.vault.service.requests.length;
  try {
    return await bulla.prompt(NAME, choice).run({ claim: SECRET });
  } finally {
    const sent = world.vault.service.requests.slice(before).filter(({ body }) => body !== '');
    for (const { name, body } of sent) {
      expect(name).toBe('envelope.issue');
      expect(new Set(Object.keys(JSON.parse(body) as object))).toEqual(
        new Set(['name', 'aud', ...Object.keys({ label: '', ...choice }).slice(-1)]),
      );
    }
    expect(world.vault.service.received).not.toContain(SECRET);
    expect(world.responder.service.requests).toEqual([]);
  }
}

describe('a vault that lies about trust', () => {
  it('with a root of its own is refused before any signed request [guard: client-root-by-root]', async () => {
    const evil = await makeOrganisation({
      suite: 'p256',
      readyKeyPair: committedKeyPair,
      now: world.clock.now(),
      documentSuite: 'rsa3072',
    });
    world.vault.documents = () => evil.documents;
    const before = world.vault.service.requests.length;
    await expect(run()).rejects.toMatchObject({ name: 'TrustError', code: 'pin_mismatch', check: 'root-pin' });
    const asked = world.vault.service.requests.slice(before);
    expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(['/.well-known/bulla/acme/root/1.json']));
  });

  it('with roots without end is stopped at the first that the root does not sign', async () => {
    const [root = ''] = world.organisation.documents.roots;
    world.vault.documents = () => ({ ...world.organisation.documents, roots: Array.from({ length: 100 }, () => root) });
    await expect(run()).rejects.toMatchObject({ name: 'TrustError', code: 'trust_rollback', check: 'root-version' });
  });

  it('with a directory that nobody signed is refused', async () => {
    const { directory, ...rest } = world.organisation.documents;
    const { payload, signatures } = JSON.parse(directory) as { payload: string; signatures: { signature: string }[] };
    const [first] = signatures;
    const forged = JSON.stringify({
      payload,
      signatures: [{ ...first, signature: withAnotherEnd(first?.signature ?? '') }],
    });
    world.vault.documents = () => ({ ...rest, directory: forged });
    await expect(run()).rejects.toMatchObject({ code: 'signature_invalid', check: 'directory-signatures' });
  });

  it('with an older directory than was seen before is refused [guard: client-memory]', async () => {
    const old = world.organisation.documents;
    await world.organisation.publish();
    await bulla.trust();
    world.vault.documents = () => old;
    world.clock.seconds += 16 * 60;
    await expect(run()).rejects.toMatchObject({
      name: 'TrustError',
      code: 'trust_rollback',
      check: 'directory-rollback',
    });
  });

  it('with a fork of the directory is refused', async () => {
    const fork = await world.organisation.signDirectory((draft) => draft.kept.push(encodeBase64url(randomBytes(32))));
    await world.organisation.publish();
    await bulla.trust();
    const documents = { ...world.organisation.documents, directory: fork };
    world.vault.documents = () => documents;
    world.clock.seconds += 16 * 60;
    await expect(run()).rejects.toMatchObject({ name: 'TrustError', code: 'trust_rollback', check: 'directory-fork' });
  });

  it('with documents that have expired is refused [refuses: directory-freeze]', async () => {
    world.clock.seconds += 91 * 86_400;
    await expect(run()).rejects.toMatchObject({ name: 'TrustError', code: 'trust_expired' });
  });

  it('without the organisation has nothing to trust', async () => {
    world.vault.documents = () => ({ roots: [], policy: '', directory: '' });
    await expect(run()).rejects.toMatchObject({ name: 'NotFoundError', code: 'not_found', origin: 'client' });
  });
});

type Forgery = (claims: EnvelopeClaims) => Partial<EnvelopeClaims>;

describe('a bundle', () => {
  it.each<[string, Forgery, string, string]>([
    [
      'for another device [guard: client-bundle]',
      () => ({ sub: world.organisation.invoker.urn }),
      'envelope_tampered',
      'envelope-requester',
    ],
    [
      'for another key',
      () => ({ cnf: { jkt: world.organisation.invoker.sig.kid } }),
      'envelope_tampered',
      'envelope-requester-key',
    ],
    ['that answers another request', () => ({ req: 'another-request-key' }), 'envelope_tampered', 'envelope-request'],
    [
      'for another responder',
      () => ({ aud: world.organisation.responders[1].urn }),
      'envelope_tampered',
      'envelope-audience',
    ],
    [
      'for another prompt',
      ({ prm }) => ({ prm: { ...prm, id: mintId('prm') } }),
      'envelope_tampered',
      'envelope-prompt',
    ],
    [
      'for a prompt of another name',
      ({ prm }) => ({ prm: { ...prm, name: 'claims/other' } }),
      'envelope_tampered',
      'envelope-prompt',
    ],
    ['for another version', ({ prm }) => ({ prm: { ...prm, ver: 2 } }), 'envelope_tampered', 'envelope-version'],
    [
      'for another content',
      ({ prm }) => ({ prm: { ...prm, chash: encodeBase64url(randomBytes(32)) } }),
      'envelope_tampered',
      'envelope-content',
    ],
    ['for another grant', () => ({ whash: encodeBase64url(randomBytes(32)) }), 'envelope_tampered', 'grant-hash'],
    ['that lives too long', ({ iat }) => ({ exp: iat + 3600 }), 'envelope_tampered', 'envelope-life'],
    [
      'that is past its time',
      ({ iat }) => ({ iat: iat - 900, nbf: iat - 900, exp: iat - 700 }),
      'envelope_expired',
      'envelope-times',
    ],
  ])('%s is refused', async (_name, forgery, code, check) => {
    world.vault.forge = forgery;
    await expect(run()).rejects.toMatchObject({ name: 'VerifyError', origin: 'client', code, check });
  });

  it('signed by somebody else than the vault is refused', async () => {
    world.vault.envelopeSigner = world.organisation.responders[0].signer;
    await expect(run()).rejects.toMatchObject({ name: 'VerifyError', code: 'key_unknown', check: 'envelope-key' });
  });

  const otherVersion = () => world.vault.named('claims/other').versions[0];
  it.each<[string, () => Record<string, unknown>, string, string | undefined]>([
    ['with a swapped content', () => ({ content: otherVersion()?.content }), 'envelope_tampered', 'content-hash'],
    ['with a swapped grant', () => ({ grant: otherVersion()?.grants[1] }), 'envelope_tampered', 'grant-hash'],
    [
      'with the tags of another name',
      () => ({ tags: world.vault.position('claims/other', 'production')?.tags }),
      'envelope_tampered',
      'tag-name',
    ],
    [
      'with the tags of another label',
      () => ({ tags: world.vault.position(NAME, 'latest')?.tags }),
      'envelope_tampered',
      'tag-name',
    ],
    ['without tags', () => ({ tags: [] }), 'token_malformed', 'tag-count'],
    ['without a grant', () => ({ grant: undefined }), 'token_malformed', undefined],
  ])('%s is refused', async (_name, swap, code, check) => {
    world.vault.swap = swap;
    await expect(run()).rejects.toMatchObject({
      name: 'VerifyError',
      origin: 'client',
      code,
      ...(check !== undefined && { check }),
    });
  });

  it('whose content was made for another place is refused, though envelope and tag agree on it', async () => {
    // Somebody with the role of an author signs a label for what belongs elsewhere: the vault's accomplice.
    const other = otherVersion();
    const [, grant = ''] = other?.grants ?? [];
    const content = other?.content ?? '';
    await moveByHand('production', 2, { chash: await tokenHash(content) });
    const whash = await tokenHash(grant);
    world.vault.forge = ({ prm }) => ({ prm: { ...prm, chash: other?.chash ?? '' }, whash });
    world.vault.swap = () => ({ content, grant });
    await expect(run()).rejects.toMatchObject({ code: 'envelope_tampered', check: 'content-place' });
  });
});

/** A tag as a member signs it, put into the vault past its checks. */
async function moveByHand(
  label: string,
  seq: number,
  change: Partial<TagClaims> = {},
  member = world.organisation.owner,
): Promise<string> {
  const prompt = world.vault.named(NAME);
  const iat = world.clock.now();
  const positions = world.vault.labels.get(`${NAME} ${label}`) ?? [];
  const before = positions.find((one) => one.seq === seq - 1)?.tags[0];
  const prev = before === undefined ? '' : await positionHash(positionOf(parseTag(before).claims));
  const claims = {
    iss: member.urn,
    aud: 'urn:bulla:acme',
    sub: `urn:bulla:acme:prompt:${prompt.id}`,
    name: NAME,
    tag: label,
    ver: 1,
    chash: prompt.versions[0]?.chash ?? '',
    seq,
    prev,
    iat,
    exp: iat + 86_400,
    purpose: 'prompt.tag',
    ...change,
  } as TagClaims;
  const tag = await signTag(claims, member.signer);
  world.vault.labels.set(`${NAME} ${label}`, [
    ...positions,
    { prompt: prompt.id, version: claims.ver, seq, tags: [tag] },
  ]);
  return tag;
}

describe('a label', () => {
  it('moved by somebody who may not is refused', async () => {
    await moveByHand('production', 2, {}, world.organisation.invoker);
    await expect(run()).rejects.toMatchObject({ name: 'VerifyError', code: 'forbidden', check: 'tag-threshold' });
  });

  it('that has expired is refused', async () => {
    await world.organisation.publishPolicy((draft) => {
      draft.labels['production'] = { groups: ['grp:release'], days: 1 };
    });
    world.clock.seconds += 86_400;
    await expect(run()).rejects.toMatchObject({ name: 'TrustError', code: 'trust_expired', check: 'tag-expiry' });
  });

  it('that nobody has called the newest for a week is refused', async () => {
    world.clock.seconds += 7 * 86_400;
    await world.organisation.publish(undefined, world.clock.seconds);
    const refused = { name: 'TrustError', code: 'trust_expired', check: 'tag-fresh' };
    await expect(run()).rejects.toMatchObject(refused);
    await expect(bulla.prompts.read(NAME, { label: 'production' })).rejects.toMatchObject(refused);
    expect(world.responder.service.requests).toEqual([]);
  });

  it('in an older position than was seen before is refused, and both are kept [guard: client-label-after] [guard: client-ask-after] [guard: client-fork-kept]', async () => {
    const store = new MemoryTrustStore();
    bulla = await world.client(undefined, { store });
    const newer = await moveByHand('production', 2);
    await bulla.prompts.read(NAME, { label: 'production' });
    world.vault.labels.get(`${NAME} production`)?.pop();
    const refused = { name: 'TrustError', code: 'trust_rollback', check: 'tag-sequence', origin: 'client' };
    await expect(run()).rejects.toMatchObject(refused);
    await expect(bulla.prompts.read(NAME, { label: 'production' })).rejects.toMatchObject(refused);
    await expect(bulla.prompts.deleteLabel(NAME, 'production')).rejects.toMatchObject(refused);
    expect(await bulla.labels.forks()).toEqual([
      {
        name: NAME,
        label: 'production',
        at: world.clock.now(),
        remembered: [newer],
        shown: world.vault.position(NAME, 'production')?.tags,
      },
    ]);
  });
});

describe('a name', () => {
  /** Another prompt under the same name: its content is honestly written, and its tags honestly signed. */
  async function makeAnother(seq: number): Promise<void> {
    const { owner, trust } = { owner: world.organisation.owner, trust: world.organisation.trust };
    const old = world.vault.named(NAME);
    const id = mintId('prm');
    const sub = `urn:bulla:acme:prompt:${id}`;
    const statement = await signStatement(
      {
        iss: owner.urn,
        aud: 'urn:bulla:acme',
        sub,
        name: NAME,
        ver: 1,
        iat: world.clock.now(),
        jti: encodeBase64url(randomBytes(16)),
        purpose: 'prompt.content',
        custody: 'sealed',
        n: encodeBase64url(randomBytes(16)),
        protect_until: '2030-12-31',
        acl: { invoke: [], read: [], responders: [] },
        input: { messages: false },
        content: draftOf('Another').content,
        attachments: [],
        message: '',
      },
      owner.signer,
    );
    const sealed = await sealContent(statement, { org: 'acme', sub, ver: 1 });
    const grants: string[] = [];
    for (const urn of [owner.urn, world.organisation.responders[0].urn]) {
      const [holder] = trust.activeKeys(urn, 'unwrap', world.clock.now());
      if (holder !== undefined) grants.push(await sealGrant(sealed.dek, sealed, holder));
    }
    old.deleted = true;
    const version = {
      version: 1,
      chash: sealed.chash,
      content: sealed.content,
      grants,
      author: { urn: owner.urn, kid: owner.sig.kid },
    };
    world.vault.prompts.set(id, { id, name: NAME, type: 'text', versions: [version], deleted: false });
    await moveByHand('production', seq, { sub, chash: sealed.chash });
  }

  it('that suddenly stands for another prompt is refused, unless its label has moved on', async () => {
    await bulla.prompts.read(NAME, { label: 'production' });
    await makeAnother(1);
    const refused = { name: 'TrustError', code: 'trust_rollback', check: 'tag-fork' };
    await expect(run()).rejects.toMatchObject(refused);
    await expect(bulla.prompts.read(NAME, { label: 'production' })).rejects.toMatchObject(refused);
    expect(world.notices).toEqual([]);
    world.vault.labels.get(`${NAME} production`)?.pop();
    await moveByHand('production', 2, {
      sub: `urn:bulla:acme:prompt:${world.vault.named(NAME).id}`,
      chash: world.vault.named(NAME).versions[0]?.chash ?? '',
    });
    expect((await bulla.prompts.read(NAME, { label: 'production' })).statement.content.messages[0]?.content).toBe(
      'Another',
    );
    expect(world.notices).toEqual([`${NAME} is another prompt than before: it was deleted and made again`]);
  });

  it('is not taken for another prompt by a label that this client does not remember [guard: client-label-remade]', async () => {
    await bulla.prompts.read(NAME, { label: 'latest' });
    await makeAnother(2);
    const refused = { name: 'TrustError', code: 'trust_rollback', check: 'tag-prompt' };
    await expect(bulla.prompts.read(NAME, { label: 'production' })).rejects.toMatchObject(refused);
    await bulla.labels.adopt(await bulla.labels.adoption(NAME, 'production'));
    expect((await bulla.prompts.read(NAME, { label: 'production' })).version).toBe(1);
  });

  it('whose label belongs to an earlier prompt has no such label [guard: client-label-earlier]', async () => {
    await makeAnother(2);
    await expect(bulla.prompts.read(NAME, { label: 'latest' })).rejects.toMatchObject({
      name: 'NotFoundError',
      code: 'label_not_found',
    });
  });
});

describe('a reseal', () => {
  it('gives nobody another content than `latest` was signed for', async () => {
    await moveByHand('latest', 2, { chash: encodeBase64url(randomBytes(32)) });
    const held = world.vault.named(NAME).versions[0]?.grants.length;
    const late = await world.organisation.makeDevice('late', { roles: ['author'], groups: ['grp:authors'] });
    await world.organisation.publish((draft) => void (draft.entities[late.urn] = late.entity));
    for (const which of ['newest', 1] as const)
      await expect(bulla.grants.reseal(NAME, which)).rejects.toMatchObject({
        code: 'envelope_tampered',
        check: 'content-hash',
      });
    expect(world.vault.named(NAME).versions[0]?.grants).toHaveLength(held ?? 0);
  });
});

describe('a version that is named by its number [guard: client-first-content]', () => {
  it('keeps the content of the first tag that was seen for it', async () => {
    const store = new MemoryTrustStore();
    bulla = await world.client(undefined, { store });
    await bulla.prompts.read(NAME, { label: 'production' });
    const { chash } = world.vault.named(NAME).versions[0] ?? {};
    // The vault puts what another author signed as version 1 in its place, and has latest point beyond it.
    await moveByHand('latest', 2, { ver: 2, chash: encodeBase64url(randomBytes(32)) });
    world.vault.forge = ({ prm }) => ({ prm: { ...prm, chash: encodeBase64url(randomBytes(32)) } });
    await expect(run({ version: 1 })).rejects.toMatchObject({ code: 'envelope_tampered', check: 'envelope-content' });
    const version = world.vault.named(NAME).versions[0];
    Object.assign(version ?? {}, { content: world.vault.named('claims/other').versions[0]?.content });
    await expect(bulla.prompts.read(NAME, { version: 1 })).rejects.toMatchObject({
      code: 'envelope_tampered',
      check: 'content-hash',
    });
    expect(chash).toHaveLength(43);
  });
});
