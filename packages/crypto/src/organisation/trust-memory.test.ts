import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DirectoryDocument } from './directory.js';
import type { DirectoryHashes } from './directory-chain.js';
import { timestampOf } from '../tokens/document-times.js';
import { mintId } from '../names/ids.js';
import { parsePolicy } from './policy.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { Trust } from './trust.js';
import type { TrustDocuments } from './trust-documents.js';
import type { TrustMemory } from './trust-memory.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const PROMPT = `urn:bulla:acme:prompt:${mintId('prm')}`;

/** Directory 2, in which a key of the auditor that ends in an hour is revoked and a prompt is withdrawn. */
let acme: TestOrganisation;
let before: TrustDocuments;
let held: Trust;

beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW });
  before = acme.documents;
  held = await acme.publish((draft) => {
    for (const key of draft.entities[acme.auditor.urn]?.keys ?? [])
      Object.assign(key, { use_until: NOW + 60, end: NOW + 3600 });
    draft.revoked = [{ kid: acme.auditor.sig.kid, reason: 'keyCompromise', at: NOW }];
    draft.withdrawn = [{ sub: PROMPT, below: 4 }];
  });
});

function establish(
  documents: TrustDocuments,
  previous: Trust | TrustMemory | undefined = held,
  now = NOW,
  hashes?: DirectoryHashes,
): Promise<Trust> {
  return Trust.establish(documents, { org: 'acme', pin: acme.pin, now, previous, hashes });
}

/** Documents some versions after the held ones, and the hashes of all directories until there. */
async function ahead(versions: number): Promise<{ documents: TrustDocuments; hashes: DirectoryHashes }> {
  let trust = held;
  for (let count = 0; count < versions; count++) {
    const { directory, ...documents } = trust.documents;
    const next = await nextOf(trust);
    trust = await Trust.establish(
      { ...documents, directory: next },
      { org: 'acme', pin: acme.pin, now: NOW, previous: trust },
    );
    expect(directory).not.toBe(next);
  }
  return {
    documents: trust.documents,
    hashes: { from: 1, hashes: [...(trust.memory.hashes ?? []), trust.directoryRef.hash] },
  };
}

async function nextOf(trust: Trust): Promise<string> {
  const { ver, hash } = trust.directoryRef;
  return acme.sign('directory', { ...trust.directory, version: ver + 1, prev: hash, chain: await trust.nextChain() });
}

/** The directory after the held one, with a change. */
async function following(change: (draft: DirectoryDocument) => unknown): Promise<TrustDocuments> {
  return { ...held.documents, directory: await acme.signDirectory((draft) => void change(draft)) };
}

/** Memory as a file holds it. */
function stored(trust: Trust): TrustMemory {
  return JSON.parse(JSON.stringify(trust.memory)) as TrustMemory;
}

describe.each<[string, () => Trust | TrustMemory]>([
  ['with the trust before at hand', () => held],
  ['with what was kept of it', () => stored(held)],
])('%s', (_name, previous) => {
  it('accepts the same documents again', async () => {
    expect((await establish(held.documents, previous())).directoryRef).toEqual(held.directoryRef);
  });

  it('accepts the next directory', async () => {
    expect((await establish(await following(() => {}), previous())).directoryRef.ver).toBe(3);
  });

  it('accepts a directory several versions ahead by the hashes between', async () => {
    const { documents, hashes } = await ahead(5);
    const trust = await establish(documents, previous(), NOW, hashes);
    expect(trust.memory.hashes).toEqual(hashes.hashes.slice(0, -1));
    expect(trust.directoryRef.ver).toBe(7);
  });

  it.each<[string, string, () => Promise<TrustDocuments>]>([
    ['an older directory [guard: memory-rollback]', 'directory-rollback', async () => before],
    [
      'the same version with other content [guard: memory-fork]',
      'directory-fork',
      () =>
        following((draft) => Object.assign(draft, { version: 2, prev: held.directory.prev, kept: ['A'.repeat(43)] })),
    ],
    [
      'the same version issued a second later',
      'directory-fork',
      () =>
        following((draft) =>
          Object.assign(draft, { version: 2, prev: held.directory.prev, issued: timestampOf(NOW + 1) }),
        ),
    ],
    [
      'the next directory after another one [guard: memory-prev]',
      'directory-prev',
      () => following((draft) => (draft.prev = 'A'.repeat(43))),
    ],
    [
      'a directory without a revocation it had [guard: memory-revoked]',
      'directory-revoked',
      () => following((draft) => (draft.revoked = [])),
    ],
    [
      'a directory that revokes another key instead',
      'directory-revoked',
      () => following((draft) => (draft.revoked = [{ kid: acme.author.sig.kid, reason: 'superseded', at: NOW }])),
    ],
    [
      'a withdrawn prompt that is back [guard: memory-withdrawn]',
      'directory-withdrawn',
      () => following((draft) => (draft.withdrawn = [])),
    ],
    [
      'a withdrawn version that is back',
      'directory-withdrawn',
      () => following((draft) => (draft.withdrawn = [{ sub: PROMPT, below: 3 }])),
    ],
    [
      'a far later directory that lost a revocation',
      'directory-revoked',
      () => following((draft) => Object.assign(draft, { version: 9, revoked: [] })),
    ],
  ])('refuses %s', async (_case, check, make) => {
    await expect(make().then((documents) => establish(documents, previous()))).rejects.toMatchObject({
      code: 'trust_rollback',
      check,
    });
  });

  it('accepts more revoked and more withdrawn', async () => {
    const documents = await following((draft) => {
      draft.revoked.push({ kid: acme.author.sig.kid, reason: 'superseded', at: NOW });
      draft.withdrawn = [{ sub: PROMPT, below: 5 }];
    });
    expect((await establish(documents, previous())).isRevoked(acme.author.sig.kid)).toBe(true);
  });

  it('lets a revocation go once its key has ended, and not before', async () => {
    const documents = await following((draft) => (draft.revoked = []));
    await expect(establish(documents, previous(), NOW + 3599)).rejects.toMatchObject({ check: 'directory-revoked' });
    expect((await establish(documents, previous(), NOW + 3600)).isRevoked(acme.auditor.sig.kid)).toBe(false);
  });
});

describe('root and policy', () => {
  it('refuses a shorter root chain [guard: memory-root]', async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const { documents } = organisation;
    const previous = await organisation.publishRoot();
    await expect(Trust.establish(documents, { ...organisation, previous })).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'root-rollback',
    });
  });

  it('refuses a chain with another version in the place of the held one', async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const { roots } = organisation.documents;
    const previous = await organisation.publishRoot();
    const forked = await organisation.sign('root', { ...previous.root, issued: timestampOf(NOW - 1) });
    const third = await organisation.sign('root', { ...previous.root, version: 3 });
    const documents = { ...organisation.documents, roots: [...roots, forked, third] };
    await expect(Trust.establish(documents, { ...organisation, previous })).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'root-rollback',
    });
  });

  it('refuses a policy that falls, even where a newer directory names it', async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const { policy } = organisation.documents;
    const first = organisation.trust.directory.policy;
    const previous = await organisation.publishPolicy();
    const directory = await organisation.signDirectory((draft) => {
      draft.policy = first;
    });
    const documents = { ...organisation.documents, policy, directory };
    await expect(Trust.establish(documents, { ...organisation, previous })).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'policy-rollback',
    });
  });

  it.each<[string, string, (policy: Trust['policy']) => Trust['policy']]>([
    ['the held version with other content', 'policy-fork', (policy) => ({ ...policy, chat: ['grp:support'] })],
    ['a next version after another one', 'policy-prev', (policy) => ({ ...policy, version: 2, prev: 'A'.repeat(43) })],
  ])('refuses a policy that is %s', async (_name, check, change) => {
    const organisation = await makeOrganisation({ now: NOW });
    const previous = organisation.trust;
    const changed = change(previous.policy);
    const policy = await organisation.sign('policy', changed);
    const { hash } = await parsePolicy(policy);
    const directory = await organisation.signDirectory((draft) => {
      draft.policy = { version: changed.version, hash };
    });
    await expect(
      Trust.establish({ ...organisation.documents, policy, directory }, { ...organisation, previous }),
    ).rejects.toMatchObject({ check });
  });
});

describe('memory', () => {
  it('keeps the end of a revoked key after its record has gone', async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const kid = organisation.author.sig.kid;
    const end = organisation.trust.holder(kid)?.record.end;
    await organisation.publish((draft) => {
      draft.revoked = [{ kid, reason: 'cessationOfOperation', at: NOW }];
    });
    const gone = await organisation.publish((draft) => {
      delete draft.entities[organisation.author.urn];
    });
    expect(gone.memory.revoked).toEqual([{ kid, end }]);
  });

  it('never lets a revocation go whose key it has not seen [guard: memory-ends]', async () => {
    const kid = 'A'.repeat(43);
    const organisation = await makeOrganisation({ now: NOW });
    await organisation.publish((draft) => {
      draft.revoked = [{ kid, reason: 'unspecified', at: NOW }];
    });
    expect(organisation.trust.memory.revoked).toStrictEqual([{ kid }]);
    const later = NOW + 80 * DAY;
    const dropped = organisation.publish((draft) => {
      draft.revoked = [];
    }, later);
    await expect(dropped).rejects.toMatchObject({ code: 'trust_rollback', check: 'directory-revoked' });
  });

  it('works from versions and hashes alone', async () => {
    const { root, policy, directory } = held.memory;
    const previous = { root, policy, directory, revoked: [], withdrawn: [] };
    await expect(establish(before, previous)).rejects.toMatchObject({ code: 'trust_rollback' });
    await expect(establish(held.documents, previous)).resolves.toBeInstanceOf(Trust);
  });

  it('of one organisation fits no other', async () => {
    const globex = await makeOrganisation({ org: 'globex', now: NOW });
    await expect(Trust.establish(globex.documents, { ...globex, previous: held })).rejects.toMatchObject({
      code: 'trust_rollback',
    });
  });

  it('is rebuilt from old documents, expired or not', async () => {
    const { hashes } = acme;
    const options = { org: 'acme', pin: acme.pin, now: NOW + 400 * DAY, acceptExpired: true, hashes };
    expect((await Trust.establish(held.documents, options)).memory).toEqual(held.memory);
  });
});
