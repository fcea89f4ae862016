import { isLongRun, seedOfRun } from '@bulla/testkit';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { KeyEndsRepository } from '../../src/grants/key-ends.repository.js';
import { GrantsService } from '../../src/grants/grants.service.js';
import { CustodyChanges } from '../../src/managed/custody/custody-changes.js';
import { KekWraps } from '../../src/managed/keyring/kek-wraps.js';
import { SharingService } from '../../src/sharing/sharing.service.js';
import { Vaults, walkAll } from './walking.js';

// Who opens which version, after whatever happened to prompts, custody, grants, people and keys: those of the model and nobody
// else. Everybody tries, with every key that they ever had and everything that a real vault gives them; the vault tries, too.

const WALKS = isLongRun() ? 100 : 4;
const STEPS = isLongRun() ? 60 : 30;

/** What some thousand steps come to, and what a few dozen do. */
const EVERY_OUTCOME = [
  ...['push', 'entrust', 'flip', 'share', 'unshare', 'delete', 'move', 'end', 'opened'].flatMap((kind) => [
    `${kind}: done`,
    `${kind}: refused`,
  ]),
  ...['revoke', 'renew', 'rotate kek', 'rotate root', 'rest'].map((kind) => `${kind}: done`),
];
const SURE_OUTCOMES = ['push: done', 'opened: done'];

const vaults = new Vaults();
afterAll(() => vaults.stop());

describe('whatever happens to prompts, custody, grants, people and keys', () => {
  let counts: ReadonlyMap<string, number> = new Map();

  it('those open a version who may, and nobody else', async () => {
    counts = await walkAll(vaults, { seed: seedOfRun(), walks: WALKS, steps: STEPS });
    expect(counts.get('look: done')).toBeGreaterThanOrEqual(WALKS);
  }, 3_600_000);

  it.each(isLongRun() ? EVERY_OUTCOME : SURE_OUTCOMES)('this happened: %s', (what) => {
    expect(counts.get(what)).toBeGreaterThan(0);
  });
});

describe('walks find a vault', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Checks of the vault, each taken away. */
  const faults: [string, () => void][] = [
    ['that lets anybody share', () => replace(SharingService.prototype, 'requireAuthorOrHolder', undefined)],
    ['that lets anybody unshare', () => replace(SharingService.prototype, 'mayDelete', true)],
    ['that lets keys end which are still needed', () => replace(KeyEndsRepository.prototype, 'countLacking', 0)],
    ['that keeps the keys of deleted prompts', () => replace(KekWraps.prototype, 'deleteOf', 0)],
    ['that keeps the keys of names that are sealed', () => replace(CustodyChanges.prototype, 'follow', [])],
    ['that manages what was sealed before', () => replace(CustodyChanges.prototype, 'hasSealed', false)],
    ['that stores no grant', () => replace(GrantsService.prototype, 'store', new Set())],
  ];
  it.each(isLongRun() ? faults : faults.slice(0, 1))(
    '%s',
    async (_name, plant) => {
      plant();
      const walked = walkAll(vaults, { seed: seedOfRun(), walks: 40, steps: 60, shrinks: false });
      await expect(walked).rejects.toMatchObject({ cause: { code: 'ERR_ASSERTION' } });
    },
    600_000,
  );
});

/** What a method of the vault answers from now on, whoever asks. */
function replace(of: object, method: string, answer: unknown): void {
  jest.spyOn(of as Record<string, () => Promise<unknown>>, method).mockResolvedValue(answer);
}
