import type { DirectoryDocument, JudgedProposal, KeyRecord } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { proposalLines } from './proposal-screen.js';

const NOW = 1_800_000_000;
const KID = 'A'.repeat(43);
const UNCHANGED = '  says what it said, under the documents above';

let acme: TestOrganisation;
beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW, suite: 'p256' });
});

type Change = (directory: DirectoryDocument) => void;

/** What is shown of a directory that follows another; each is the one of acme with a change. */
function shown(change: Change, was: Change = () => undefined): string[] {
  const before = structuredClone(acme.trust.directory);
  was(before);
  const after = structuredClone(before);
  Object.assign(after, { version: before.version + 1, prev: 'P'.repeat(43), chain: 'C'.repeat(43) });
  change(after);
  const base = { org: 'acme', profile: 'production', directory: before };
  const proposal = { by: acme.owner.urn, at: '2027-01-15T08:00:00Z', why: '', next: { directory: { payload: after } } };
  const lines = proposalLines({ base, proposal, from: NOW, until: NOW } as unknown as JudgedProposal, '');
  return lines.slice(lines.findIndex((line) => line.startsWith('directory version')) + 1);
}

const kid = () => acme.author.signer.kid;
function authorIn({ entities }: DirectoryDocument) {
  const entity = entities[acme.author.urn];
  if (entity === undefined) throw new Error('the directory does not list the author');
  return entity;
}
function keyIn(directory: DirectoryDocument) {
  const key = authorIn(directory).keys.find((one) => one.kid === kid());
  if (key === undefined) throw new Error('the directory does not list the key');
  return key;
}
const revoke: Change = (directory) => void directory.revoked.push({ kid: kid(), reason: 'superseded', at: NOW });
const SUB = 'urn:bulla:acme:prompt:prm_01kb0000000000000000000000';

describe('a proposed directory', () => {
  it('says what it said where nothing but its head differs', () => {
    expect(shown(() => undefined)).toEqual([UNCHANGED]);
  });

  it('tells when a key is revoked, and why', () => {
    expect(shown(revoke)).toEqual([
      expect.stringMatching(/^ {2}key \S{39} of .+ is revoked \(superseded\) as of 2027-01-15T08:00:00Z$/),
    ]);
  });

  it('tells each member of a revocation that differs, as it was and would be', () => {
    const lines = shown((after) => {
      after.revoked = [{ kid: kid(), reason: 'keyCompromise', at: NOW + 60 }];
    }, revoke);
    expect(lines).toEqual([
      expect.stringMatching(/^ {2}revocation of key \S{39} of .+: reason: "superseded" → "keyCompromise"$/),
      expect.stringMatching(/^ {2}revocation of key .+: as of: 2027-01-15T08:00:00Z → 2027-01-15T08:01:00Z$/),
    ]);
  });

  it('names who held a revoked key that is listed no more', () => {
    const lines = shown((after) => {
      revoke(after);
      delete after.entities[acme.author.urn];
    });
    expect(lines).toContainEqual(expect.stringMatching(/ is revoked \(superseded\)/));
    expect(lines.join('\n')).not.toContain('nobody');
  });

  it('tells what a key was for, and each of its times that differs', () => {
    let was = '';
    const lines = shown((after) => {
      const key = keyIn(after);
      was = JSON.stringify(key.pur);
      key.pur = ['tag'];
      key.end += 60;
    });
    expect(lines).toEqual([
      expect.stringContaining(`: key ${fingerprint(kid())}: for: ${was} → ["tag"]`),
      expect.stringMatching(/: key \S{39}: good until: \S+Z → \S+Z$/),
    ]);
  });

  it('tells which audit log a key is for, where one comes and where one goes', () => {
    const logKeyIn = ({ entities }: DirectoryDocument) =>
      entities[acme.vault.urn]?.keys.find(({ pur }) => pur.includes('checkpoint')) as KeyRecord;
    const lines = shown((after) => Object.assign(logKeyIn(after), { kid: KID, log: 7 }));
    expect(lines).toEqual([
      expect.stringMatching(/: key \S{39} for checkpoint of audit log 7 comes \(ed25519, \S+\), from /),
      expect.stringMatching(/: key \S{39} for checkpoint of audit log 1 goes$/),
    ]);
  });

  it('tells from where on versions are withdrawn, and from where they were', () => {
    const withdraw = (below: number) => (one: DirectoryDocument) => void (one.withdrawn = [{ sub: SUB, below }]);
    expect(shown(withdraw(3))).toEqual([`  versions of ${SUB} below 3 are withdrawn`]);
    expect(shown(withdraw(5), withdraw(3))).toEqual([
      `  versions of ${SUB} below 5 are withdrawn, instead of those below 3`,
    ]);
  });

  it.each<[string, Change, Change]>([
    [
      'a list in another order',
      (one) => Object.assign(one, { kept: one.kept.toReversed() }),
      (one) => void one.kept.push('A', 'B'),
    ],
    [
      'a withdrawal that goes',
      (one) => void one.withdrawn.pop(),
      (one) => void one.withdrawn.push({ sub: SUB, below: 3 }),
    ],
    ['a revocation that goes', (one) => void one.revoked.pop(), revoke],
    ['another form', (one) => Object.assign(one, { spec: '2' }), (one) => Object.assign(one, { spec: '1' })],
    [
      'keys in another order',
      (one) => Object.assign(authorIn(one), { keys: authorIn(one).keys.toReversed() }),
      () => undefined,
    ],
  ])('never says what it said with %s', (_what, change, was) => {
    expect(shown(change, was)).toEqual([expect.not.stringContaining(UNCHANGED)]);
  });
});
