import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DirectoryDocument } from './directory.js';
import { timestampOf } from '../tokens/document-times.js';
import { findLockOut } from './lock-out.js';
import type { PolicyDocument } from './policy.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { TestMember } from '../testing/members.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
let acme: TestOrganisation;
let second: TestMember;
beforeAll(async () => {
  acme = await makeOrganisation({ suite: 'p256', now: NOW });
  second = await acme.makeDevice('second owner', { roles: ['owner'], groups: [] });
});

interface Draft {
  policy: PolicyDocument;
  directory: DirectoryDocument;
}
type Change = (draft: Draft) => void;
const draftOf = (): Draft => structuredClone({ policy: acme.trust.policy, directory: acme.trust.directory });
const after = (change: Change, before = draftOf()) => {
  const next = structuredClone(before);
  change(next);
  return findLockOut(before, next, NOW);
};
const entityOf = ({ directory }: Draft, { urn }: TestMember) => {
  const entity = directory.entities[urn];
  if (entity === undefined) throw new Error(`${urn} is listed`);
  return entity;
};
const remove = ({ directory }: Draft, ...members: readonly TestMember[]) => {
  directory.entities = Object.fromEntries(
    Object.entries(directory.entities).filter(([urn]) => !members.some((member) => member.urn === urn)),
  );
};
const revoke = (draft: Draft, member: TestMember) => {
  for (const { kid } of entityOf(draft, member).keys)
    draft.directory.revoked.push({ kid, reason: 'superseded', at: NOW });
};
const until = (draft: Draft, member: TestMember, time: number) => {
  for (const key of entityOf(draft, member).keys) key.use_until = time;
};
/** Its keys as if they were of another suite: what they are made of is not looked at here. */
const moveTo = (draft: Draft, member: TestMember, suite: 'rsa3072') => {
  for (const key of entityOf(draft, member).keys) key.suite = suite;
};
const others = (draft: Draft, ...members: readonly TestMember[]) => {
  for (const member of [acme.vault, ...acme.responders, acme.owner])
    if (!members.includes(member)) moveTo(draft, member, 'rsa3072');
};
const WITHOUT_P256 = ['rsa2048', 'rsa3072', 'ed25519'];

describe('a document that locks everybody out is found', () => {
  it.each<[string, string, string, Change, Change?]>([
    ['suites that exclude all keys', 'vault', 'suites', ({ policy }) => (policy.suites = WITHOUT_P256)],
    [
      "suites that exclude the vault's key",
      'vault',
      'suites',
      ({ policy }) => (policy.suites = WITHOUT_P256),
      (draft) => others(draft, acme.vault),
    ],
    [
      'suites that exclude the only responder',
      'responder',
      'suites',
      ({ policy }) => (policy.suites = WITHOUT_P256),
      (draft) => {
        others(draft, acme.responders[0]);
        remove(draft, acme.responders[1]);
      },
    ],
    [
      'suites that exclude the only owner [guard: lock-out-owner]',
      'owner',
      'suites',
      ({ policy }) => (policy.suites = WITHOUT_P256),
      (draft) => {
        others(draft, acme.owner);
        moveTo(draft, acme.author, 'rsa3072');
      },
    ],
    ['no suite that is known here', 'vault', 'suites', ({ policy }) => (policy.suites = ['hybrid9'])],
    [
      'a suite that only signs',
      'responder',
      'suites',
      ({ policy }) => (policy.suites = ['ed25519']),
      (draft) => {
        for (const member of [acme.vault, ...acme.responders, acme.owner])
          for (const key of entityOf(draft, member).keys) if (key.use === 'sig') key.suite = 'ed25519';
      },
    ],
    [
      'a directory without devices',
      'owner',
      'directory',
      (draft) => remove(draft, acme.owner, acme.author, acme.invoker, acme.auditor),
    ],
    ['a directory without a vault', 'vault', 'directory', (draft) => remove(draft, acme.vault)],
    ['a directory without responders', 'responder', 'directory', (draft) => remove(draft, ...acme.responders)],
    ['the last owner revoked', 'owner', 'directory', (draft) => revoke(draft, acme.owner)],
    ['the vault revoked', 'vault', 'directory', (draft) => revoke(draft, acme.vault)],
    [
      'the last owner an admin only',
      'owner',
      'directory',
      (draft) => {
        const owner = entityOf(draft, acme.owner);
        if (owner.kind === 'device') owner.roles = ['admin'];
      },
    ],
    ['a key of the vault whose time is over', 'vault', 'directory', (draft) => until(draft, acme.vault, NOW)],
    [
      'a key of the vault that ends within a week',
      'vault',
      'directory',
      (draft) => until(draft, acme.vault, NOW + DAY),
    ],
    [
      'a key of the vault that is not good yet',
      'vault',
      'directory',
      (draft) => {
        for (const key of entityOf(draft, acme.vault).keys) key.nbf = NOW + DAY;
      },
    ],
    [
      'one responder that only answers, and one that only opens',
      'responder',
      'directory',
      (draft) => {
        for (const [index, responder] of acme.responders.entries()) {
          const entity = entityOf(draft, responder);
          entity.keys = entity.keys.filter(({ use }) => use === (['sig', 'enc'] as const)[index]);
        }
      },
    ],
    [
      'all keys of the vault but those of its checkpoints revoked',
      'vault',
      'directory',
      (draft) => {
        for (const { kid, pur } of entityOf(draft, acme.vault).keys)
          if (!pur.includes('checkpoint')) draft.directory.revoked.push({ kid, reason: 'superseded', at: NOW });
      },
    ],
    [
      'a policy that has expired [guard: lock-out-expired]',
      'vault',
      'expiry',
      ({ policy }) => (policy.expires = timestampOf(NOW)),
    ],
    ['a directory that has expired', 'vault', 'expiry', ({ directory }) => (directory.expires = timestampOf(NOW))],
  ])('%s', (_name, who, by, change, prepare = () => undefined) => {
    const before = draftOf();
    prepare(before);
    expect(after(change, before)).toMatchObject({ who, by, reason: expect.any(String) });
  });
});

describe('what leaves somebody is not', () => {
  it.each<[string, Change, Change?]>([
    ['nothing changed', () => undefined],
    ['one of two responders removed', (draft) => remove(draft, acme.responders[0])],
    [
      'one of two owners revoked',
      (draft) => revoke(draft, acme.owner),
      ({ directory }) => (directory.entities[second.urn] = second.entity),
    ],
    ['everybody but an owner removed', (draft) => remove(draft, acme.author, acme.invoker, acme.auditor)],
    [
      'the keys of all checkpoints revoked',
      (draft) => {
        for (const member of [acme.vault, ...acme.responders])
          for (const { kid, pur } of entityOf(draft, member).keys)
            if (pur.includes('checkpoint')) draft.directory.revoked.push({ kid, reason: 'superseded', at: NOW });
      },
    ],
    ['suites that nobody uses removed', ({ policy }) => (policy.suites = ['p256'])],
    [
      'a suite removed after the keys of another came',
      ({ policy }) => (policy.suites = ['rsa3072']),
      (draft) => others(draft),
    ],
    // What was locked before stays free to be mended, one step at a time.
    [
      'an owner that comes back where all are locked out',
      (draft) => moveTo(draft, acme.owner, 'rsa3072'),
      (draft) => (draft.policy.suites = WITHOUT_P256),
    ],
    ['what was locked and stays so', () => undefined, (draft) => remove(draft, acme.vault, acme.owner)],
    [
      'a key that ends within a week, as it did before',
      ({ policy }) => (policy.max_skew = 30),
      (draft) => until(draft, acme.vault, NOW + DAY),
    ],
    [
      'an expired policy after an expired one',
      ({ policy }) => (policy.max_skew = 30),
      ({ policy }) => (policy.expires = timestampOf(NOW - DAY)),
    ],
  ])('%s', (_name, change, prepare = () => undefined) => {
    const before = draftOf();
    prepare(before);
    expect(after(change, before)).toBeUndefined();
  });
});
