import { isLongRun, seedOfRun } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { LogKeys } from './log-keys.js';
import type { Walked } from './walking.js';
import { ofKind, upTo, walkAll } from './walking.js';
import type { Planted } from './world.js';

// What holds whatever becomes of the audit logs of a vault (docs/spec/audit-log.md), tried on short histories of a seed: two
// organisations, the real sequencer, signer and marks on tables in memory, the real witness and auditors, and somebody who
// may do anything in the database. What no walk tries is said in walk.ts.

const WALKS = isLongRun() ? 100_000 : 300;

let keys: LogKeys;
beforeAll(async () => {
  keys = await LogKeys.make();
});

describe('whatever becomes of a vault', () => {
  let walked: Walked;
  beforeAll(async () => {
    walked = await walkAll(keys, seedOfRun(), upTo(WALKS));
  }, 14_400_000);

  it('nothing shortened, forked or forged is taken for good, and nobody honest is shut out', async () => {
    expect(await walked.found?.report()).toBeUndefined();
  });

  it.each([
    'decide: acme decides',
    'decide: acme is refused',
    'sequence: done',
    'sequence: changed',
    'sequence: number',
    'sequence: unauthenticated',
    'sequence elsewhere: done',
    'witness: cosigned',
    'audit: well',
    'audit: accepted losses',
    'audit anew: well',
    'put back: database',
    'put back: folder',
    'put back: keyFile',
    'lose folder: done',
    'begin: number',
    'attack: entry N of log N of acme is forged',
    // A handful in 300 walks, or none.
    ...(isLongRun() ? ['audit: loss lost', 'which has ended, is signed'] : []),
  ])('this happened: %s', (what) => {
    expect([...walked.counts.keys()].filter((one) => one.includes(what))).not.toEqual([]);
  });
});

describe('walks find what is planted', () => {
  it.each<[Planted, RegExp]>([
    ['rows of anybody', /^P3$/],
    ['forgotten marks', /^P[124]$/],
    ['keys of any number', /^P[134]$/],
  ])('%s', async (planted, property) => {
    // Where a key serves any number, it takes somebody who has keys of ended ones to show it soon: one walk in fifty does.
    const numbers = planted === 'keys of any number' ? ofKind('ended', 10 * WALKS) : upTo(WALKS);
    const { found } = await walkAll(keys, seedOfRun(), numbers, planted);
    expect(found?.property).toMatch(property);
  });
});
