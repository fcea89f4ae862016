import { describe, expect, it } from '@jest/globals';
import type { JobId, Kid } from '@bulla/contract';
import type { ServiceKey, StandingKeys } from '@bulla/client';
import { jobLine, keyRows } from './key-screen.js';

const JOB = 'job_01kb2w6r7hf0fvc1m1x3q8p0z5';
const DAY = 86_400;
const NOW = 1_796_000_000;
const moment = (daysAgo: number) => new Date((NOW - daysAgo * DAY) * 1000).toISOString();
const root = {
  kid: 'root:file:3f9ac0d15e7b2846',
  state: 'active' as const,
  objects: 2,
  processes: { with: 2, without: 0 },
  created_at: moment(40),
  activated_at: moment(40),
  deactivated_at: null,
};
const kek = {
  version: 7,
  state: 'active' as const,
  root: root.kid,
  data_keys: 12,
  uses: 1_024,
  created_at: moment(3),
  activated_at: moment(3),
  deactivated_at: null,
  destroyed_at: null,
  due_at: moment(-87),
};
const job = {
  id: JOB as JobId,
  what: 'kek' as const,
  state: 'running' as const,
  target: 'kek:acme:8',
  total: 12,
  done: 3,
  created_at: moment(0),
  changed_at: moment(0),
  ended_at: null,
};
const rowsOf = (standing: Partial<StandingKeys>, services: readonly ServiceKey[] = []) =>
  keyRows({ root: [], kek: [], pending: 0, jobs: [], in_tokens: [], ...standing }, services, NOW).slice(1);

describe('the screen of keys', () => {
  it('shows each key with its state, its age, what is under it and what comes next', () => {
    expect(rowsOf({ root: [root], kek: [kek] })).toEqual([
      [root.kid, 'active', '40 days', '2 objects', ''],
      ['kek 7', 'active', '3 days', '12 data keys, 1024 uses', `replaced on ${moment(-87).slice(0, 10)}`],
    ]);
  });

  it('says which root key can be taken away, and where one is not there yet', () => {
    const before = { ...root, state: 'deactivated' as const, deactivated_at: moment(1) };
    const next = { ...root, state: 'pre-active' as const, activated_at: null };
    const said = [
      { ...before, objects: 1 },
      { ...before, objects: 0 },
      { ...next, objects: 0, processes: { with: 1, without: 1 } },
      { ...next, objects: 0 },
    ];
    expect(rowsOf({ root: said }).map((row) => row[4])).toEqual([
      'needed until nothing is under it',
      'can be taken away, once no backup needs it',
      '1 process of the vault without it',
      'bulla keys rotate root --new …',
    ]);
  });

  it('says of each KEK when the next comes, and of one that is gone nothing more', () => {
    const due = moment(-5).slice(0, 10);
    const at = { ...kek, due_at: moment(-5) };
    const rows = rowsOf({
      kek: [
        { ...at, state: 'deactivated' },
        { ...kek, state: 'pre-active', activated_at: null, created_at: moment(0), due_at: null },
        { ...kek, state: 'destroyed', due_at: null },
      ],
    });
    expect(rows.map((row) => row.slice(1))).toEqual([
      ['deactivated', '3 days', '12 data keys, 1024 uses', `destroyed from ${due}`],
      ['pre-active', 'today', '12 data keys, 1024 uses', ''],
      ['destroyed', '3 days', '', ''],
    ]);
  });

  it('says that a provider is a stand-in', () => {
    expect(rowsOf({ root: [{ ...root, stand_in: 'SoftHSM' }] })[0]?.[3]).toBe('2 objects, stand-in: SoftHSM');
  });

  it('shows the keys of services with the command that renews them', () => {
    const key: ServiceKey = {
      urn: 'urn:bulla:acme:svc:responder:eu1',
      kid: 'K'.repeat(43),
      use: 'enc',
      purposes: ['unwrap'],
      suite: 'p256',
      state: 'active',
      from: NOW - 2 * DAY,
      useUntil: NOW + 10 * DAY,
      end: NOW + 40 * DAY,
    };
    expect(rowsOf({}, [key])).toEqual([
      [
        'responder:eu1 encryption',
        'active',
        '2 days',
        'p256',
        `until ${moment(-10).slice(0, 10)}: bulla keys rotate responder`,
      ],
    ]);
  });

  it('says which keys of services are in a token, and where that is a stand-in', () => {
    const kids = ['a', 'b', 'c'].map((one) => one.repeat(43) as Kid);
    const [hardware, softHsm] = kids;
    if (hardware === undefined || softHsm === undefined) throw new Error('no names');
    const key = { use: 'sig', purposes: ['envelope'], suite: 'rsa3072', state: 'active', from: NOW, useUntil: NOW };
    const services = kids.map((kid) => ({ ...key, kid, urn: 'urn:bulla:acme:svc:vault' })) as unknown as ServiceKey[];
    const inTokens = [{ kid: hardware }, { kid: softHsm, stand_in: 'SoftHSM' }];
    expect(rowsOf({ in_tokens: inTokens }, services).map((row) => row[3])).toEqual([
      'rsa3072, in a token',
      'rsa3072, in a token, stand-in: SoftHSM',
      'rsa3072',
    ]);
  });

  it('knows how a renewer and a key that signs are renewed, and says nothing of keys that are over', () => {
    const key = { kid: 'K'.repeat(43), suite: 'p256', from: NOW, useUntil: NOW + 10 * DAY, end: NOW + 40 * DAY };
    const signs = { ...key, use: 'sig' as const, purposes: ['freshness'] as const };
    const urns = ['urn:bulla:acme:dev:dev_01kb2w6r7hf0fvc1m1x3q8p0z5', 'urn:bulla:acme:svc:other'];
    const services = urns.map((urn) => ({ ...signs, urn, state: 'pending' })) as unknown as ServiceKey[];
    const over = { ...signs, urn: 'urn:bulla:acme:svc:vault', state: 'expired' } as unknown as ServiceKey;
    expect(rowsOf({}, [...services, over]).map((row) => row[4])).toEqual([
      expect.stringContaining('bulla keys rotate renewer'),
      expect.stringContaining('bulla trust accept'),
      '',
    ]);
  });

  it('shows how far a job has come, and why it does not go on', () => {
    expect(jobLine(job)).toBe(`kek → kek:acme:8  [#####...............] 3 of 12 data keys  running  ${JOB}`);
    const waiting = { ...job, what: 'root' as const, target: root.kid, state: 'waiting' as const, total: 0 };
    expect(jobLine({ ...waiting, trouble: 'sealed' })).toContain('waits: the root key is sealed; run bulla unseal');
  });
});
