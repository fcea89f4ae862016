import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DirectoryDocument, Role } from './directory.js';
import { secondsOf } from '../tokens/document-times.js';
import { mintId } from '../names/ids.js';
import type { KeyPurpose, KeyRecord, KeyUsage } from '../keys/keys.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { TestMember } from '../testing/members.js';
import { keyPairOf, makeService } from '../testing/members.js';
import { custodyOf } from './policy.js';
import type { Trust } from './trust.js';

const NOW = 1_800_000_000;
const HOUR = 3600;
const PROMPT = `urn:bulla:acme:prompt:${mintId('prm')}`;
const CHASH = 'c'.repeat(42).concat('A');

let acme: TestOrganisation;
let globex: TestOrganisation;
let gateway: TestMember;
let trust: Trust;

beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW, recovery: true });
  globex = await makeOrganisation({ org: 'globex', now: NOW });
  gateway = await makeService({ org: 'acme', suite: 'rsa2048', now: NOW }, 'gateway:proxy');
  await acme.publishPolicy((draft) => {
    draft.custody = { '*': 'sealed', 'drafts/': 'managed' };
    draft.authors = { '*': ['grp:authors'], 'claims/': ['grp:claims'] };
    draft.labels = {
      production: { groups: ['grp:release'] },
      beta: { groups: ['grp:support'], threshold: 2, days: 30 },
    };
    draft.chat = ['grp:support'];
  });
  trust = await acme.publish((draft) => {
    draft.entities[gateway.urn] = gateway.entity;
    draft.kept = [CHASH];
    draft.withdrawn = [{ sub: PROMPT, below: 4 }];
    draft.revoked = [{ kid: acme.auditor.sig.kid, reason: 'keyCompromise', at: NOW }];
  });
});

describe('the trust of an organisation', () => {
  it('says what was verified, and until when', () => {
    expect(trust).toMatchObject({ org: 'acme', pin: acme.pin, profile: 'development' });
    expect(trust.directoryRef).toEqual({ ver: 3, hash: trust.memory.directory.hash });
    expect(trust.expiresAt).toBe(NOW + 90 * 24 * HOUR);
    expect(trust.documents.roots).toHaveLength(1);
  });

  it('cannot be changed', () => {
    expect(() => Object.assign(trust, { org: 'globex' })).toThrow(TypeError);
    expect(() => trust.directory.revoked.pop()).toThrow(TypeError);
    expect(() => Object.assign(trust.holder(acme.author.sig.kid)?.record ?? {}, { end: 0 })).toThrow(TypeError);
  });

  it('knows entities by their whole name', () => {
    expect(trust.entity(acme.author.urn)?.kind).toBe('device');
    expect(trust.entity(globex.author.urn)).toBeUndefined();
    expect(trust.entity('constructor')).toBeUndefined();
    expect(trust.entitiesOf('responder')).toEqual(acme.responders.map(({ urn }) => urn));
    expect(trust.entitiesOf('gateway')).toEqual([gateway.urn]);
  });

  it('knows keys by their kid', () => {
    expect(trust.holder(acme.author.sig.kid)).toMatchObject({ urn: acme.author.urn, record: { use: 'sig' } });
    expect(trust.holder(globex.author.sig.kid)).toBeUndefined();
    expect(trust.holder('constructor')).toBeUndefined();
  });
});

describe('the holder of a keyid', () => {
  it('is found by organisation, entity and key', () => {
    expect(trust.holderOfKeyid(acme.author.keyid)?.urn).toBe(acme.author.urn);
  });

  it.each<[string, () => string]>([
    ['a bare thumbprint [guard: keyid-whole]', () => acme.author.sig.kid],
    ['a thumbprint after a hash', () => `#${acme.author.sig.kid}`],
    ['the key of another entity', () => `${acme.owner.urn}#${acme.author.sig.kid}`],
    ['our key under the name of another organisation', () => `${globex.author.urn}#${acme.author.sig.kid}`],
    ['a key of another organisation', () => globex.author.keyid],
    ['an entity without a key', () => `${acme.author.urn}#`],
    ['a second hash', () => `${acme.author.urn}##${acme.author.sig.kid}`],
    ['a trailing space', () => `${acme.author.keyid} `],
    ['nothing', () => ''],
  ])('is not found by %s', (_name, keyid) => {
    expect(trust.holderOfKeyid(keyid())).toBeUndefined();
  });
});

describe('a required key', () => {
  const demand = (changes: Partial<{ usage: KeyUsage; purpose: KeyPurpose; now: number }> = {}) => ({
    usage: 'http' as const,
    purpose: 'http' as const,
    now: NOW,
    check: 'the-check',
    ...changes,
  });

  it('comes with its holder', () => {
    expect(trust.requireKey(acme.author.sig.kid, demand()).urn).toBe(acme.author.urn);
    expect(
      trust.requireKey(acme.responders[0].enc?.kid ?? '', demand({ usage: 'encrypt', purpose: 'unwrap' })).record.use,
    ).toBe('enc');
  });

  it.each<[string, string, () => string, Parameters<typeof demand>[0]]>([
    ['is not listed', 'key_unknown', () => globex.author.sig.kid, {}],
    ['is called like a member of every object', 'key_unknown', () => 'constructor', {}],
    ['is a path', 'key_unknown', () => '../root', {}],
    ['is not for this purpose', 'key_unknown', () => acme.author.sig.kid, { purpose: 'envelope' }],
    ['is for sealing', 'key_unknown', () => acme.author.enc?.kid ?? '', {}],
    ['is revoked', 'key_revoked', () => acme.auditor.sig.kid, { usage: 'durable' }],
    ['is not valid yet', 'key_revoked', () => acme.author.sig.kid, { now: NOW - 25 * HOUR }],
    ['is past its use', 'key_revoked', () => acme.author.sig.kid, { now: NOW + 366 * 24 * HOUR }],
    ['is past its end', 'key_revoked', () => acme.author.sig.kid, { now: NOW + 3651 * 24 * HOUR, usage: 'durable' }],
  ])('is refused if it %s', (_name, code, kid, changes) => {
    expect(() => trust.requireKey(kid(), demand(changes))).toThrow(
      expect.objectContaining({ code, check: 'the-check' }),
    );
  });

  it('is refused if the policy does not allow its suite', async () => {
    const strong = await makeOrganisation({ org: 'strong', now: NOW, policy: { suites: ['rsa3072'] } });
    const { kid } = strong.author.sig;
    expect(() => strong.trust.requireKey(kid, demand())).toThrow(
      expect.objectContaining({ code: 'suite_unknown', check: 'the-check' }),
    );
    expect(strong.trust.activeKeys(strong.author.urn, 'http', NOW)).toEqual([]);
  });

  it('is good for checkpoints whatever suites the policy lists [guard: checkpoint-any-policy]', async () => {
    const strong = await makeOrganisation({ org: 'logging', now: NOW, policy: { suites: ['rsa3072'] } });
    for (const { urn } of [strong.vault, ...strong.responders]) {
      const active = strong.trust.activeKeys(urn, 'checkpoint', NOW);
      expect(active).toMatchObject([{ urn, record: { suite: 'ed25519' } }]);
      const wanted = demand({ usage: 'durable', purpose: 'checkpoint' });
      expect(strong.trust.requireKey(active[0]?.record.kid ?? '', wanted).urn).toBe(urn);
    }
    // Another key of that suite is not.
    const edwards = await makeOrganisation({ org: 'edwards', now: NOW, renewers: 1, policy: { suites: ['rsa2048'] } });
    expect(edwards.trust.activeKeys(edwards.renewers[0]?.urn ?? '', 'http', NOW)).toEqual([]);
  });

  it('is good for what lives on after its use has ended', () => {
    const later = NOW + 366 * 24 * HOUR;
    expect(
      trust.requireKey(acme.author.sig.kid, demand({ usage: 'durable', purpose: 'content', now: later })).urn,
    ).toBe(acme.author.urn);
  });
});

describe('the active keys of an entity', () => {
  it('are those in use, the newest first [guard: active-key] [guard: active-purpose]', async () => {
    const organisation = await makeOrganisation({ org: 'rotating', now: NOW });
    const [responder] = organisation.responders;
    const keys: [name: string, times: Pick<KeyRecord, 'nbf' | 'use_until' | 'end'>][] = [
      ['older', { nbf: NOW - 2 * HOUR, use_until: NOW + HOUR, end: NOW + HOUR }],
      ['newer', { nbf: NOW - HOUR, use_until: NOW + HOUR, end: NOW + HOUR }],
      ['next', { nbf: NOW + HOUR, use_until: NOW + 2 * HOUR, end: NOW + 2 * HOUR }],
      ['last', { nbf: NOW - 4 * HOUR, use_until: NOW - HOUR, end: NOW + HOUR }],
      ['lost', { nbf: NOW - HOUR, use_until: NOW + HOUR, end: NOW + HOUR }],
    ];
    const kids: Record<string, string> = {};
    const records: KeyRecord[] = [];
    for (const [name, times] of keys) {
      const { kid, publicJwk: jwk } = await keyPairOf(`rotating ${name}`, 'rsa2048', 'enc');
      kids[name] = kid;
      records.push({ kid, use: 'enc', alg: 'RSA-OAEP-256', suite: 'rsa2048', pur: ['unwrap'], ...times, jwk });
    }
    const rotated = await organisation.publish((draft: DirectoryDocument) => {
      const entity = draft.entities[responder.urn];
      if (entity !== undefined) entity.keys = [...entity.keys.filter(({ use }) => use === 'sig'), ...records];
      draft.revoked = [{ kid: kids['lost'] ?? '', reason: 'keyCompromise', at: NOW }];
    });
    const active = rotated.activeKeys(responder.urn, 'unwrap', NOW);
    expect(active.map(({ record }) => record.kid)).toEqual([kids['newer'], kids['older']]);
    expect(active.every(({ urn }) => urn === responder.urn)).toBe(true);
  });

  it('are none of an entity that is not listed', () => {
    expect(trust.activeKeys(globex.author.urn, 'http', NOW)).toEqual([]);
  });
});

describe('rights', () => {
  it.each<[string, 'owner' | 'author' | 'invoker' | 'auditor' | 'vault', Role, boolean]>([
    ['an owner is an owner', 'owner', 'owner', true],
    ['an owner is an admin', 'owner', 'admin', true],
    ['an owner is no auditor', 'owner', 'auditor', false],
    ['an author is no admin', 'author', 'admin', false],
    ['an auditor is no author', 'auditor', 'author', false],
    ['a vault is a service', 'vault', 'service', true],
  ])('%s', (_name, member, role, has) => {
    expect(trust.hasRole(acme[member].urn, role)).toBe(has);
  });

  it('are none for whoever is not listed', () => {
    const { urn } = globex.owner;
    expect(trust.hasRole(urn, 'owner')).toBe(false);
    expect(trust.groupsOf(urn)).toEqual([]);
    expect(trust.userOf(urn)).toBeUndefined();
    expect(trust.mayAuthor(urn, 'greeting')).toBe(false);
    expect(trust.mayTag(urn, 'greeting', 'production')).toBe(false);
    expect(trust.mayChat(urn)).toBe(false);
  });

  it('follow from groups and users of devices', () => {
    expect(trust.groupsOf(acme.author.urn)).toEqual(['grp:authors', 'grp:release']);
    expect(trust.groupsOf(acme.vault.urn)).toEqual([]);
    expect(trust.groupsOf(gateway.urn)).toEqual([]);
    expect(trust.userOf(acme.author.urn)).toMatch(/^urn:bulla:acme:user:usr_/);
    expect(trust.userOf(acme.vault.urn)).toBeUndefined();
  });

  it.each<[string, 'owner' | 'author' | 'invoker' | 'vault', string, boolean]>([
    ['an author in the group of the name writes', 'author', 'greeting', true],
    ['an author outside the group of the name does not', 'author', 'claims/triage', false],
    ['an invoker does not', 'invoker', 'greeting', false],
    ['a vault does not', 'vault', 'greeting', false],
  ])('%s', (_name, member, name, may) => {
    expect(trust.mayAuthor(acme[member].urn, name)).toBe(may);
  });

  it('need the role author beside the group', async () => {
    const organisation = await makeOrganisation({ org: 'roles', now: NOW });
    const changed = await organisation.publish((draft) => {
      Object.assign(draft.entities[organisation.author.urn] ?? {}, { roles: ['invoker'] });
    });
    expect(changed.mayAuthor(organisation.author.urn, 'greeting')).toBe(false);
    expect(changed.mayTag(organisation.author.urn, 'greeting', 'latest')).toBe(false);
    expect(changed.mayTag(organisation.author.urn, 'greeting', 'production')).toBe(true);
  });

  it('of groups are those of devices: a gateway in them has none', async () => {
    const organisation = await makeOrganisation({ org: 'gates', now: NOW, policy: { chat: ['grp:support'] } });
    const [{ urn, entity }, groups] = [
      await makeService({ org: 'gates', suite: 'rsa2048', now: NOW }, 'gateway:proxy'),
      ['grp:support', 'grp:release'],
    ];
    const changed = await organisation.publish((draft) =>
      Object.assign(draft.entities, { [urn]: { ...entity, groups } }),
    );
    expect(changed.groupsOf(urn)).toEqual(groups);
    expect([changed.mayChat(urn), changed.mayTag(urn, 'greeting', 'production')]).toEqual([false, false]);
    expect(changed.mayChat(organisation.invoker.urn)).toBe(true);
  });

  it.each<[string, 'author' | 'invoker' | 'vault', string, boolean]>([
    ['a member of the groups of a label moves it', 'author', 'production', true],
    ['an author moves a label without a rule', 'author', 'latest', true],
    ['an author moves a label called like a member of every object', 'author', 'constructor', true],
    ['an author outside the groups of a label does not', 'author', 'beta', false],
    ['an invoker in the groups of a label does', 'invoker', 'beta', true],
    ['an invoker does not move a label without a rule', 'invoker', 'latest', false],
    ['a vault moves nothing', 'vault', 'production', false],
  ])('%s', (_name, member, label, may) => {
    expect(trust.mayTag(acme[member].urn, 'greeting', label)).toBe(may);
  });

  it('to chat follow from the policy', () => {
    expect(trust.mayChat(acme.invoker.urn)).toBe(true);
    expect(trust.mayChat(acme.author.urn)).toBe(false);
    expect(trust.mayChat(gateway.urn)).toBe(false);
  });
});

describe('names and contents [guard: withdrawn]', () => {
  it('follow from policy and directory', () => {
    expect(custodyOf('drafts/one', trust)).toBe('managed');
    expect(custodyOf('greeting', trust)).toBe('sealed');
    expect(trust.reviewers('greeting')).toEqual([...new Set(trust.reviewers('greeting'))]);
    expect(trust.reviewers('greeting')).toEqual(
      expect.arrayContaining([...trust.labelRule('greeting', 'latest').groups, 'grp:support']),
    );
    expect(trust.labelRule('greeting', 'beta')).toEqual({ groups: ['grp:support'], threshold: 2, days: 30 });
    expect([trust.isKept(CHASH), trust.isKept('')]).toEqual([true, false]);
    expect([3, 4].map((version) => trust.isWithdrawn(PROMPT, version))).toEqual([true, false]);
    expect(trust.isWithdrawn(`${PROMPT}x`, 1)).toBe(false);
  });
});

describe('the recovery recipient', () => {
  it('is the key of root, under a name of its own', () => {
    expect(trust.recoveryRecipient()).toMatchObject({
      urn: 'urn:bulla:acme:recovery',
      record: { kid: acme.recovery?.kid, use: 'enc', alg: 'RSA-OAEP-256', suite: 'rsa3072', pur: ['unwrap'] },
    });
    const [nbf, end] = [trust.root.issued, trust.root.expires].map(secondsOf);
    expect(trust.recoveryRecipient()?.record).toMatchObject({ nbf, use_until: end, end });
  });

  it('is nobody where root has none', () => {
    expect(globex.trust.recoveryRecipient()).toBeUndefined();
  });
});
