import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DirectoryDocument, DirectoryEntity } from './directory.js';
import { parseDirectory } from './directory.js';
import { mintId } from '../names/ids.js';
import type { KeyPurpose, KeyRecord } from '../keys/keys.js';
import type { TestOrganisation } from '../testing.js';
import { crowdOf, makeOrganisation } from '../testing.js';
import type { Device, TestMember } from '../testing/members.js';
import { makeService } from '../testing/members.js';

let acme: TestOrganisation;

beforeAll(async () => {
  acme = await makeOrganisation({ renewers: 2 });
});

/** Entity of a member in a draft, to be changed. */
function of(draft: DirectoryDocument, member: TestMember): DirectoryEntity {
  const entity = draft.entities[member.urn];
  if (entity === undefined) throw new Error('no such entity');
  return entity;
}

/** A renewer in a draft, to be changed. */
function renewer(draft: DirectoryDocument, at = 0): Device {
  return draft.entities[acme.renewers[at]?.urn ?? ''] as Device;
}

function keyOf({ keys }: Device, purpose: KeyPurpose): KeyRecord {
  const record = keys.find(({ pur }) => pur.includes(purpose));
  if (record === undefined) throw new Error('no such key');
  return record;
}

function checkpointKey({ keys }: DirectoryEntity): KeyRecord {
  const record = keys.find(({ pur }) => pur.includes('checkpoint'));
  if (record === undefined) throw new Error('no such key');
  return record;
}

/** Takes the keys for checkpoints out of an entity. */
function logKeysOut(entity: DirectoryEntity): KeyRecord[] {
  const all = entity.keys;
  entity.keys = all.filter(({ pur }) => !pur.includes('checkpoint'));
  return all.filter(({ pur }) => pur.includes('checkpoint'));
}

/** Puts an entity under another name. */
function rename(draft: DirectoryDocument, member: TestMember, urn: string): void {
  draft.entities[urn] = of(draft, member);
  delete draft.entities[member.urn];
}

function parse(change: (draft: DirectoryDocument) => unknown): ReturnType<typeof parseDirectory> {
  const draft = structuredClone(acme.trust.directory);
  change(draft);
  return acme.sign('directory', draft).then(parseDirectory);
}

const HASH = 'A'.repeat(43);

describe('parsing a directory', () => {
  it('takes a gateway, a vault without address, revocations, kept contents and withdrawn versions', async () => {
    const gateway = await makeService({ org: 'acme', suite: 'rsa2048', now: acme.now }, 'gateway:proxy');
    const prompt = `urn:bulla:acme:prompt:${mintId('prm')}`;
    const { payload } = await parse((draft) => {
      draft.entities[gateway.urn] = gateway.entity;
      delete (of(draft, acme.vault) as { url?: string }).url;
      draft.revoked = [{ kid: acme.author.sig.kid, reason: 'keyCompromise', at: acme.now }];
      draft.kept = [HASH];
      draft.withdrawn = [{ sub: prompt, below: 4 }];
    });
    expect(payload.entities[gateway.urn]).toEqual(gateway.entity);
  });

  it('takes a key for checkpoints of the vault and of each responder', async () => {
    const { payload } = await parse(() => undefined);
    for (const { urn } of [acme.vault, ...acme.responders])
      expect(payload.entities[urn]?.keys.filter(({ pur }) => pur.includes('checkpoint'))).toMatchObject([
        { use: 'sig', suite: 'ed25519', alg: 'Ed25519', pur: ['checkpoint'] },
      ]);
  });

  it('takes a key by which a vault is told the keys of managed names', async () => {
    const { payload } = await parse((draft) => {
      const [enc] = of(draft, acme.author).keys.splice(1) as [KeyRecord];
      of(draft, acme.vault).keys.push({ ...enc, pur: ['deposit'] });
    });
    expect(payload.entities[acme.vault.urn]?.keys.at(-1)).toMatchObject({ use: 'enc', pur: ['deposit'] });
  });

  it('accepts renewers, with keys of before', async () => {
    const { payload } = await parse((draft) => renewer(draft).keys.push(...renewer(draft, 1).keys.splice(1)));
    expect(payload.entities[acme.renewers[0]?.urn ?? '']).toMatchObject({ roles: ['renewer'], groups: [] });
    expect((payload.entities[acme.renewers[0]?.urn ?? ''] as Device).keys).toHaveLength(3);
  });

  it.each<[string, (draft: DirectoryDocument) => unknown]>([
    ['a further member', (draft) => Object.assign(draft, { comment: '' })],
    ['a further member of an entity', (draft) => Object.assign(of(draft, acme.author), { label: 'laptop' })],
    ['a further member of a key', (draft) => Object.assign(of(draft, acme.author).keys[0] ?? {}, { x5u: '' })],
    ['version 2 without a predecessor', (draft) => (draft.version = 2)],
    ['no chain [guard: directory-chain-stated]', (draft) => delete draft.chain],
    ['a chain in spec 1', (draft) => (draft.spec = '1')],
    [
      'a chain that does not begin with zeros [guard: directory-chain-first]',
      (draft) => (draft.chain = 'E'.repeat(43)),
    ],
    ['a chain that is no hash', (draft) => (draft.chain = 'zeros')],
    [
      'an entity of another organisation [guard: directory-name]',
      (draft) => rename(draft, acme.author, `urn:bulla:globex:dev:${mintId('dev')}`),
    ],
    [
      'an entity of an organisation with the same beginning',
      (draft) => rename(draft, acme.author, `urn:bulla:acme2:dev:${mintId('dev')}`),
    ],
    ['an entity without a URN', (draft) => rename(draft, acme.author, 'author')],
    ['a device that is called a user', (draft) => rename(draft, acme.author, `urn:bulla:acme:user:${mintId('usr')}`)],
    ['a device that is called a vault', (draft) => rename(draft, acme.author, 'urn:bulla:acme:svc:vault:2')],
    ['a device under the name of the vault', (draft) => rename(draft, acme.author, acme.vault.urn)],
    ['a device with a readable name', (draft) => rename(draft, acme.author, 'urn:bulla:acme:dev:laptop')],
    ['a vault that is called a responder', (draft) => rename(draft, acme.vault, 'urn:bulla:acme:svc:responder:vault')],
    ['a responder that is called a vault', (draft) => rename(draft, acme.responders[0], acme.vault.urn)],
    [
      'a responder that is called a gateway',
      (draft) => rename(draft, acme.responders[0], 'urn:bulla:acme:svc:gateway:eu1'),
    ],
    ['the recovery name as an entity', (draft) => rename(draft, acme.author, 'urn:bulla:acme:recovery')],
    ['an entity of no kind', (draft) => Object.assign(of(draft, acme.author), { kind: 'robot' })],
    ['an entity without keys', (draft) => (of(draft, acme.author).keys = [])],
    ['a device without a user', (draft) => delete (of(draft, acme.author) as Partial<Device>).user],
    [
      "a device of another organisation's user",
      (draft) => ((of(draft, acme.author) as Device).user = `urn:bulla:globex:user:${mintId('usr')}`),
    ],
    ['a device whose user is a device', (draft) => ((of(draft, acme.author) as Device).user = acme.author.urn)],
    ['a device with role service', (draft) => Object.assign(of(draft, acme.author), { roles: ['service'] })],
    ['a device with role gateway', (draft) => Object.assign(of(draft, acme.author), { roles: ['gateway'] })],
    ['a device with one role twice', (draft) => Object.assign(of(draft, acme.author), { roles: ['author', 'author'] })],
    ['a device without a role', (draft) => Object.assign(of(draft, acme.author), { roles: [] })],
    [
      'a responder that is an owner',
      (draft) => Object.assign(of(draft, acme.responders[0]), { roles: ['service', 'owner'] }),
    ],
    ['a vault that is an admin', (draft) => Object.assign(of(draft, acme.vault), { roles: ['admin'] })],
    ['a vault in a group', (draft) => Object.assign(of(draft, acme.vault), { groups: ['grp:authors'] })],
    ['a device with an address', (draft) => Object.assign(of(draft, acme.author), { url: 'https://acme.example' })],
    ['a group without its prefix', (draft) => Object.assign(of(draft, acme.author), { groups: ['authors'] })],
    ['one group twice', (draft) => Object.assign(of(draft, acme.author), { groups: ['grp:authors', 'grp:authors'] })],
    ['a responder without an address', (draft) => delete (of(draft, acme.responders[0]) as { url?: string }).url],
    [
      'an address with credentials',
      (draft) => Object.assign(of(draft, acme.responders[0]), { url: 'https://a:b@eu1.example' }),
    ],
    [
      'an address with a query',
      (draft) => Object.assign(of(draft, acme.responders[0]), { url: 'https://eu1.example/?to=x' }),
    ],
    [
      'an address of another scheme',
      (draft) => Object.assign(of(draft, acme.responders[0]), { url: 'file:///etc/passwd' }),
    ],
    [
      'a device key that signs envelopes [guard: directory-purposes]',
      (draft) => of(draft, acme.author).keys[0]?.pur.push('envelope'),
    ],
    ['a device key that signs replies', (draft) => of(draft, acme.author).keys[0]?.pur.push('reply')],
    ['a vault key that signs tags', (draft) => of(draft, acme.vault).keys[0]?.pur.push('tag')],
    [
      'a vault key that signs contents and something else [guard: directory-vault-content]',
      (draft) => of(draft, acme.vault).keys[0]?.pur.push('content'),
    ],
    [
      'two keys of one log [guard: directory-log-once]',
      (draft) => of(draft, acme.vault).keys.push(...logKeysOut(of(draft, acme.responders[0]))),
    ],
    [
      'the number of a log that is far above any of before [guard: directory-log-far]',
      (draft) => Object.assign(checkpointKey(of(draft, acme.vault)), { log: 8 * draft.version + 1 }),
    ],
    ['a vault key that asks questions', (draft) => of(draft, acme.vault).keys[0]?.pur.push('invoke')],
    [
      'a vault that things are sealed to',
      (draft) => of(draft, acme.vault).keys.push(...of(draft, acme.author).keys.splice(1)),
    ],
    [
      'a responder that is told the keys of managed names',
      (draft) => Object.assign(of(draft, acme.responders[0]).keys[1] ?? {}, { pur: ['unwrap', 'deposit'] }),
    ],
    ['a responder key that signs contents', (draft) => of(draft, acme.responders[0]).keys[0]?.pur.push('content')],
    [
      'one key twice under one entity [refuses: kid-twice]',
      (draft) => of(draft, acme.author).keys.push(...structuredClone(of(draft, acme.author).keys)),
    ],
    [
      'one key under two entities [guard: directory-kid-once]',
      (draft) => of(draft, acme.author).keys.push(...structuredClone(of(draft, acme.owner).keys)),
    ],
    [
      'a key for freshness of somebody else [guard: directory-fresh-key]',
      (draft) => of(draft, acme.author).keys[0]?.pur.push('fresh'),
    ],
    ['a key for freshness of the vault', (draft) => of(draft, acme.vault).keys[0]?.pur.push('fresh')],
    ['a key for freshness of a responder', (draft) => of(draft, acme.responders[0]).keys[0]?.pur.push('fresh')],
    [
      'a renewer with another role [guard: directory-renewer-alone]',
      (draft) => (renewer(draft).roles = ['renewer', 'invoker']),
    ],
    ['a renewer in a group', (draft) => (renewer(draft).groups = ['grp:authors'])],
    [
      'a renewer that is a device of a person',
      (draft) => (renewer(draft).user = (of(draft, acme.author) as Device).user),
    ],
    ['two renewers of one user', (draft) => (renewer(draft).user = renewer(draft, 1).user)],
    ['a service that is a renewer', (draft) => Object.assign(of(draft, acme.vault), { roles: ['renewer'] })],
    [
      'a renewer that things are sealed to',
      (draft) => renewer(draft).keys.push(...of(draft, acme.author).keys.splice(1)),
    ],
    [
      "a renewer's key that signs tags [guard: directory-renewer-keys]",
      (draft) => (keyOf(renewer(draft), 'fresh').pur = ['tag']),
    ],
    ["a renewer's key for both", (draft) => (keyOf(renewer(draft), 'fresh').pur = ['http', 'fresh'])],
    [
      'a key for checkpoints of a device',
      (draft) => of(draft, acme.author).keys.push(...of(draft, acme.vault).keys.splice(1)),
    ],
    ['a device key that signs checkpoints', (draft) => of(draft, acme.author).keys[0]?.pur.push('checkpoint')],
    ['a renewer that signs checkpoints', (draft) => (keyOf(renewer(draft), 'fresh').pur = ['checkpoint'])],
    ['one revocation twice', (draft) => (draft.revoked = [revocation(HASH), revocation(HASH)])],
    [
      'a revocation for no known reason',
      (draft) => Object.assign(draft, { revoked: [{ ...revocation(HASH), reason: 'bored' }] }),
    ],
    ['one kept content twice', (draft) => (draft.kept = [HASH, HASH])],
    ['a kept content that is no hash', (draft) => (draft.kept = ['all'])],
    ['a prompt withdrawn twice', (draft) => (draft.withdrawn = [withdrawn('acme', 1), withdrawn('acme', 2)])],
    ['a withdrawn prompt of another organisation', (draft) => (draft.withdrawn = [withdrawn('globex', 1)])],
    ['a withdrawn device', (draft) => (draft.withdrawn = [{ sub: acme.author.urn, below: 2 }])],
  ])('refuses %s', async (_name, change) => {
    await expect(parse(change)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each<[string, number, number]>([
    ['more entities than it may [guard: directory-entities]', 4_097, 1],
    ['more keys than it may [guard: directory-keys]', 300, 28],
  ])('refuses %s', async (_name, entities, keys) => {
    const crowd = await crowdOf('acme', entities, keys);
    await expect(parse((draft) => Object.assign(draft.entities, crowd))).rejects.toMatchObject({
      code: 'token_malformed',
      message: expect.stringContaining('it lists more than'),
    });
  });

  it.each<[string, (draft: DirectoryDocument) => unknown]>([
    [
      'under another kid [guard: directory-key-checked]',
      (draft) => Object.assign(of(draft, acme.author).keys[0] ?? {}, { kid: HASH }),
    ],
    ['for signing and for sealing', (draft) => of(draft, acme.author).keys[0]?.pur.push('unwrap')],
    ['of another suite', (draft) => Object.assign(of(draft, acme.author).keys[0] ?? {}, { suite: 'rsa3072' })],
    ['of the vault for checkpoints, too', (draft) => of(draft, acme.vault).keys[0]?.pur.push('checkpoint')],
    [
      'of a responder for checkpoints, of another suite',
      (draft) => Object.assign(of(draft, acme.responders[0]).keys[0] ?? {}, { pur: ['checkpoint'] }),
    ],
    ['for checkpoints that answers, too', (draft) => checkpointKey(of(draft, acme.responders[0])).pur.push('reply')],
    ['whose times are out of order', (draft) => Object.assign(of(draft, acme.author).keys[0] ?? {}, { end: 1 })],
  ])('refuses a key %s', async (_name, change) => {
    await expect(parse(change)).rejects.toMatchObject({ code: 'key_invalid' });
  });
});

function revocation(kid: string): DirectoryDocument['revoked'][number] {
  return { kid, reason: 'superseded', at: 1 };
}

const PROMPT_ID = mintId('prm');

function withdrawn(org: string, below: number): DirectoryDocument['withdrawn'][number] {
  return { sub: `urn:bulla:${org}:prompt:${PROMPT_ID}`, below };
}
