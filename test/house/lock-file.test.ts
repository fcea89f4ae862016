import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { withLockFile } from '../../scripts/lock-file.mjs';
import { repository } from '../../scripts/workspaces.mjs';
import { Plot } from './tool.js';

describe('lock file', () => {
  let plot: Plot;
  let lock: string;
  beforeEach(() => {
    plot = new Plot();
    lock = `${plot.folder}/new/lock`;
  });
  afterEach(() => plot.remove());

  it('is gone after the work, and after work that failed', async () => {
    await withLockFile(lock, () => expect(existsSync(lock)).toBe(true));
    expect(existsSync(lock)).toBe(false);
    await expect(withLockFile(lock, () => Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(existsSync(lock)).toBe(false);
  });

  it.each([
    ['a process that is gone', () => `${spawnSync('true').pid} 1\n`],
    ['an earlier process with the same id', () => `${process.pid} 1\n`],
    ['nobody', () => ''],
  ])('takes over from %s', async (_name, content) => {
    plot.plant('new/lock', content());
    const work = jest.fn();
    await withLockFile(lock, () => void work());
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('waits for a living owner and says so once', async () => {
    const waiting = Promise.withResolvers<void>();
    const announce = jest.fn(() => waiting.resolve());
    const order: string[] = [];
    const first = withLockFile(lock, async () => {
      await waiting.promise;
      order.push('first');
    });
    const second = withLockFile(lock, () => void order.push('second'), announce);
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect(announce).toHaveBeenCalledTimes(1);
  });

  it('is kept by a process that it was shared with, after its owner was killed', async () => {
    const keeper = spawn('sleep', ['60']);
    plot.plant('owner.mjs', ownerSource(lock, keeper.pid));
    const owner = spawn('node', [`${plot.folder}/owner.mjs`], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(owner.stdout, 'data');
    owner.kill('SIGKILL');
    await once(owner, 'close');
    const announce = jest.fn(() => keeper.kill());
    await withLockFile(lock, () => expect(keeper.killed).toBe(true), announce);
    expect(announce).toHaveBeenCalledTimes(1);
  });

  it('lets processes in one after the other, though a dead one left its lock behind', async () => {
    plot.plant('new/lock', `${spawnSync('true').pid} 1\n`);
    const journal = `${plot.folder}/journal`;
    writeFileSync(journal, '');
    plot.plant('worker.mjs', workerSource(lock, journal));
    const workers = Array.from({ length: 6 }, () => spawn('node', [`${plot.folder}/worker.mjs`], { stdio: 'inherit' }));
    const ends = await Promise.all(workers.map((worker) => once(worker, 'close')));
    expect(ends.map(([code]) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    const lines = readFileSync(journal, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(12);
    for (let at = 0; at < lines.length; at += 2) {
      expect(lines[at + 1]).toBe(lines[at]?.replace('enters', 'leaves'));
    }
  });
});

/** A process that takes the lock, shares it, says so and stays. */
function ownerSource(lock: string, keeper: number | undefined): string {
  return `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { withLockFile } from '${repository}/scripts/lock-file.mjs';
    await withLockFile('${lock}', async (share) => {
      share(${keeper});
      process.stdout.write('shared');
      await sleep(60_000);
    });
  `;
}

/** A process that notes when it enters and leaves the locked part. */
function workerSource(lock: string, journal: string): string {
  return `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { withLockFile } from '${repository}/scripts/lock-file.mjs';
    await withLockFile('${lock}', async () => {
      appendFileSync('${journal}', process.pid + ' enters\\n');
      await sleep(30);
      appendFileSync('${journal}', process.pid + ' leaves\\n');
    });
  `;
}
