import { seedOfRun } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TrustState } from '@bulla/client';
import type { Setting } from './organisation.js';
import { makeSetting } from './organisation.js';
import type { Planted } from './walk.js';
import type { Walked } from './walking.js';
import { upTo, walkAll } from './walking.js';

// What holds for everything that a vault may show (docs/spec/freshness.md), tried on short histories of a seed: three
// people who sign labels, two who ask, two renewers, one prompt, and a vault that shows each of them what it likes.
// `npm run walks` takes a great many of them.

const WALKS = 300;

let setting: Setting;
beforeAll(async () => {
  setting = await makeSetting();
});

describe('whatever a vault shows', () => {
  let walked: Walked;
  beforeAll(async () => {
    walked = await walkAll(setting, seedOfRun(), upTo(WALKS));
  });

  it('nothing is accepted that is over, that too few signed or that is on another branch, and an honest one serves everybody', async () => {
    expect(await walked.found?.report()).toBeUndefined();
  });

  it.each([
    'run: done',
    'read: done',
    'run known: done',
    'move: done',
    'delete: done',
    'approve: done',
    'confirm: done',
    'adopt: done',
    'round: done',
    'two: done',
    'attack',
    'revoke',
    'rules',
    'publish',
    'branch',
    'restart',
    'restore',
  ])('this happened: %s', (what) => {
    expect(walked.counts.get(what)).toBeGreaterThan(0);
  });

  it.each([
    'label_stale',
    'forbidden/tag-threshold',
    'trust_expired/tag-expiry',
    'trust_expired/tag-fresh',
    'trust_expired/directory-fresh',
    'trust_rollback/tag-sequence',
    'trust_rollback/tag-fork',
    'trust_rollback/policy-rollback',
    'trust_rollback/directory-rollback',
    'trust_rollback/directory-fork',
  ])('this was refused: %s', (code) => {
    const refused = [...walked.counts.keys()].filter((what) => what.endsWith(`: ${code}`));
    expect(refused).not.toEqual([]);
  });

  it.each(['N of N people needed signed it', 'it is new here and was not signed lately', 'it was not signed lately'])(
    'a renewer held back: %s',
    (why) => {
      const held = [...walked.counts.keys()].filter((what) => what.startsWith(`round held: ${why}`));
      expect(held).not.toEqual([]);
    },
  );
});

describe('walks find what is planted', () => {
  const foundWith = async (planted: Planted) => (await walkAll(setting, seedOfRun(), upTo(WALKS), { planted })).found;
  const propertyFoundWith = async (planted: Planted) => (await foundWith(planted))?.property;

  it('homes that forget where labels stood', async () => {
    expect(await propertyFoundWith({ forgets: (held) => ({ ...held, names: [] }) })).toBe('P1');
  });

  it('clocks of clients that stand still', async () => {
    expect(await propertyFoundWith({ clockStands: true })).toMatch(/^P[235]$/);
  });

  it('renewers that forget what they called the newest', async () => {
    expect(await propertyFoundWith({ renewerForgets: (held) => ({ ...held, names: [] }) })).toBe('P1');
  });

  it('homes that forget which directory they had, and tell the steps that lead there', async () => {
    const forgets = (held: TrustState) => ({ ...held, memory: setting.trust.memory });
    const found = await foundWith({ forgets });
    expect(found?.property).toBe('P5');
    expect(await found?.report()).toMatch(/^seed \d+, walk \d+: P5: .+(\n {2}.+)+$/);
  });
});
