import { folderForTest } from '@bulla/testkit';
import { expect, it } from '@jest/globals';
import type { TrustState } from '../trust/trust-store.js';
import { knownContent, withOpened } from '../trust/trust-store.js';
import { Home } from './home/home.js';
import { FileTrustStore } from './trust-store.js';

const SUB = 'urn:bulla:acme:prompt:prm_01kb0000000000000000000000';
const seen = { version: 1, hash: 'h' };
/** As it was kept before openings were remembered. */
const BEFORE: TrustState = {
  pin: 'pin',
  documents: { roots: ['root'], policy: 'policy', directory: 'directory' },
  memory: { root: seen, policy: seen, directory: seen, revoked: [], withdrawn: [] },
  fetchedAt: 1,
  names: [['claims/triage', { sub: SUB, labels: [{ label: 'latest', seq: 1 }], contents: [[1, 'first']] }]],
};

it('keeps what renewers said and whom one vouches for, each memory in a file of its own', async () => {
  const home = new Home(folderForTest('trust'));
  const tuple = { sub: SUB, ver: 1, chash: 'first', prev: '' };
  const head = {
    ...tuple,
    label: 'latest',
    seq: 1,
    pos: 'pos',
    tags: ['tag'],
    until: 9,
    tuples: [tuple],
    adopted: 2,
    vouched: true,
  };
  const documents = { ...BEFORE.documents, fresh: ['word'] };
  const state: TrustState = {
    ...BEFORE,
    documents,
    names: [['claims/triage', { sub: SUB, labels: [head], contents: [] }]],
  };
  const renewer = new FileTrustStore(home, 'services/renewer.trust.json');
  await renewer.update('acme', 'pin', () => state);
  expect(await new FileTrustStore(home, 'services/renewer.trust.json').load('acme', 'pin')).toEqual(state);
  expect(await new FileTrustStore(home).load('acme', 'pin')).toBeUndefined();
});

it('takes over a home from before openings were remembered, and remembers them from then on', async () => {
  const home = new Home(folderForTest('trust'));
  // Labels were kept as pairs.
  const text = JSON.stringify([['acme', BEFORE]]).replace('{"label":"latest","seq":1}', '["latest",1]');
  await home.write('trust.json', text);
  const store = new FileTrustStore(home);
  expect(await store.load('acme', 'pin')).toEqual(BEFORE);
  for (const chash of ['second', 'another'])
    await store.update('acme', 'pin', (state = BEFORE) => withOpened(state, { sub: SUB, version: 2, chash }));
  const kept = await new FileTrustStore(home).load('acme', 'pin');
  expect(kept).toEqual({ ...BEFORE, opened: [[SUB, 2, 'second']] });
  // What was opened, what a label showed, and what nobody knows.
  expect([1, 2, 3].map((version) => knownContent(kept, { sub: SUB, version }))).toEqual(['first', 'second', undefined]);
  expect(knownContent(kept, { sub: 'urn:bulla:acme:prompt:another', version: 2 })).toBeUndefined();
});

it('takes over the memory of one pin, and keeps it while another is used', async () => {
  const home = new Home(folderForTest('trust'));
  await home.write('trust.json', JSON.stringify([['acme', BEFORE]]));
  const other = { ...BEFORE, pin: 'another', names: [] };
  const store = new FileTrustStore(home);
  expect(await store.load('acme', 'another')).toBeUndefined();
  await store.update('acme', 'another', (state) => {
    expect(state).toBeUndefined();
    return other;
  });
  await store.update('acme', 'pin', (state = other) => withOpened(state, { sub: SUB, version: 2, chash: 'second' }));
  const again = new FileTrustStore(home);
  expect(await again.load('acme', 'pin')).toEqual({ ...BEFORE, opened: [[SUB, 2, 'second']] });
  expect(await again.load('acme', 'another')).toEqual(other);
});

it('keeps what answers told of audit logs', async () => {
  const home = new Home(folderForTest('trust'));
  const told = ['urn:bulla:acme:svc:responder:eu1/audit/1\n7\n'];
  await new FileTrustStore(home).update('acme', 'pin', () => ({ ...BEFORE, told }));
  expect((await new FileTrustStore(home).load('acme', 'pin'))?.told).toEqual(told);
});

it('keeps the newest heads of audit logs', async () => {
  const home = new Home(folderForTest('trust'));
  const heads = [['urn:bulla:acme:svc:vault/audit/1', 7, 'root']] as const;
  await new FileTrustStore(home).update('acme', 'pin', () => ({ ...BEFORE, heads }));
  expect((await new FileTrustStore(home).load('acme', 'pin'))?.heads).toEqual(heads);
});
