import type { DirectoryDocument, Trust } from '@bulla/crypto';
import { judgeProposal, mintId, parseProposal, timestampOf, urnOf } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { folderForTest } from '@bulla/testkit';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { identityOf, requestSigner } from '../connection/identity.js';
import type { DirectoryChange } from '../trust/next-directory.js';
import { readmitOwner } from '../trust/next-directory.js';
import { nextRoot } from '../trust/next-root.js';
import { movedProposal, propose } from '../trust/proposing.js';
import { keysToComeBack } from './device-renewal.js';
import { Home } from './home/home.js';
import { readKeyFile, writeKeyFile } from './home/key-file.js';

const NAME = 'identity.json';

let acme: TestOrganisation;
let home: Home;
let thief: TestOrganisation['owner'];
beforeEach(async () => {
  acme = await makeOrganisation({ suite: 'p256' });
  thief = await acme.makeDevice('thief', { roles: ['owner'], groups: [] });
  home = new Home(folderForTest('come-back'));
  await writeKeyFile(home, NAME, acme.owner.keyFile);
});

const place = () => ({ home, name: NAME });
const revokeOwner = (draft: DirectoryDocument) => {
  for (const { kid } of acme.owner.entity.keys) draft.revoked.push({ kid, reason: 'keyCompromise', at: acme.now });
};
/** What a thief of the directory's key publishes. */
const steal = (change: (draft: DirectoryDocument) => void) =>
  acme.publish((draft) => {
    draft.entities[thief.urn] = thief.entity;
    change(draft);
  });

/** The next root, under which this device comes back. */
async function proposed(trust: Trust, change?: DirectoryChange): Promise<string> {
  const root = nextRoot(trust.root, { added: [], removed: [], thresholds: {} }, acme.now);
  const user = urnOf('acme', 'user', mintId('usr'));
  const directory = change ?? readmitOwner(acme.owner.urn, user, await keysToComeBack(place(), trust, acme.now));
  return propose(trust, { root, directory, by: acme.owner.urn, why: 'stolen' }, acme.now);
}

describe('a device that a thief has locked out', () => {
  it.each<[string, (draft: DirectoryDocument) => void, newKeys: boolean]>([
    ['revoked', revokeOwner, true],
    [
      'revoked and taken out',
      (draft) => {
        revokeOwner(draft);
        delete draft.entities[acme.owner.urn];
      },
      true,
    ],
    [
      'made an auditor',
      (draft) => {
        const owner = draft.entities[acme.owner.urn];
        if (owner?.kind === 'device') owner.roles = ['auditor'];
      },
      false,
    ],
  ])('is an owner again under the next root, who signs requests: %s', async (_name, change, newKeys) => {
    const stolen = await steal(change);
    const judged = await judgeProposal(await parseProposal(await proposed(stolen)), {
      org: acme.org,
      pin: acme.pin,
      now: acme.now,
      previous: stolen.memory,
    });
    const { entities, revoked } = judged.after.directory;
    const device = entities[acme.owner.urn];
    const file = await readKeyFile(home, NAME);
    const signer = requestSigner(await identityOf(file as typeof acme.owner.keyFile), stolen, acme.now);
    expect(device).toMatchObject({ kind: 'device', roles: expect.arrayContaining(['owner']) });
    expect(device?.keys.map(({ kid }) => kid)).toContain(signer.kid);
    expect(revoked.some(({ kid }) => kid === signer.kid)).toBe(false);
    expect(revoked).toEqual(stolen.directory.revoked);
    expect(signer.kid !== acme.owner.sig.kid).toBe(newKeys);
    expect(file?.keys).toHaveLength(newKeys ? 4 : 2);
  });

  it('has the same keys at the next call, and none as long as its own count', async () => {
    expect(await keysToComeBack(place(), acme.trust, acme.now)).toEqual([]);
    const stolen = await steal(revokeOwner);
    const keys = await keysToComeBack(place(), stolen, acme.now);
    expect(keys.map(({ use }) => use)).toEqual(['sig', 'enc']);
    expect(await keysToComeBack(place(), stolen, acme.now)).toEqual(keys);
    await expect(keysToComeBack({ home, name: 'other.json' }, stolen, acme.now)).rejects.toThrow(
      'there is no identity',
    );
  });

  it('comes back on the newest directory where the thief was faster once more [guard: proposal-moved]', async () => {
    const stolen = await steal(revokeOwner);
    const text = await proposed(stolen);
    const revoking = await proposed(stolen, (draft) => {
      draft.revoked.push({ kid: thief.sig.kid, reason: 'keyCompromise', at: acme.now });
      const auditor = draft.entities[acme.auditor.urn];
      if (auditor?.kind === 'device') auditor.roles = ['owner'];
    });
    const policy = { issued: timestampOf(acme.now) };
    const alone = await propose(
      stolen,
      { policy, directory: readmitOwner(acme.auditor.urn, '', []), by: acme.owner.urn, why: 'no root' },
      acme.now,
    );
    const newer = await steal((draft) => draft.kept.push('A'.repeat(43)));
    const moved = (await parseProposal((await movedProposal(text, newer)) ?? '')).next;
    const { next } = await parseProposal(text);
    expect([moved.root?.hash, moved.policy?.hash]).toEqual([next.root?.hash, next.policy?.hash]);
    expect(moved.directory.payload.version).toBe(newer.directory.version + 1);
    expect(moved.directory.payload.entities[acme.owner.urn]).toEqual(next.directory.payload.entities[acme.owner.urn]);
    expect(moved.directory.payload.kept).toEqual(newer.directory.kept);
    for (const other of [revoking, alone]) expect((await movedProposal(other, newer))?.length).toBeUndefined();
  });
});
