import { rm } from 'node:fs/promises';
import { placePglite } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

// The logs of a home whose database is gone: verifying says so until a person says that it is known.

let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make('embedded');
  running = await world.up('organisation');
  // What this machine saw of the logs that are lost.
  await world.done(['audit', 'verify']);
  await running.stop();
  await rm(world.path('home/pglite'), { recursive: true });
  placePglite(world.path('home/pglite'), { empty: true });
  running = await world.up('nothing', ['--database-changed']);
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const accept = (...argv: readonly string[]) => world.bulla(['audit', 'accept-loss', ...argv]);

describe('what is gone of the logs', () => {
  it('is told, with a code of its own, until a person accepts it', async () => {
    const told = await world.bulla(['audit', 'verify']);
    expect(told).toMatchObject({ code: 10, stdout: expect.stringContaining('/dev/vault/audit/1') });
    expect(`${told.stdout}${told.stderr}`).toContain('bulla audit accept-loss');
    const unasked = await accept();
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(await world.bulla(['audit', 'accept-loss'], { stdin: 'no\n', atTerminal: true })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing was accepted'),
    });
    expect(await world.bulla(['audit', 'verify'])).toMatchObject({ code: 10 });
    const { accepted } = JSON.parse((await world.done(['audit', 'accept-loss', '--yes', '--json'])).stdout) as {
      accepted: { kind: string; origin: string }[];
    };
    expect(accepted.map(({ kind, origin }) => [kind, origin.split('/').slice(2).join('/')])).toEqual([
      ['lost', 'dev/vault/audit/1'],
      ['lost', 'dev/responder:local/audit/1'],
    ]);
    expect(await world.bulla(['audit', 'verify'])).toMatchObject({ code: 0 });
    expect(await accept('--yes')).toMatchObject({ code: 0, stdout: '✔ nothing is gone\n' });
  });

  it('is held against an export by what the profile of its pin remembers', async () => {
    await world.done(['audit', 'export', '--out', world.path('export')]);
    expect(await accept(world.path('export'), '--yes')).toMatchObject({ code: 0, stdout: '✔ nothing is gone\n' });
    expect(await accept('--pin', `sha256:${'a'.repeat(64)}`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--pin is for a folder'),
    });
    expect(await accept(world.path('export'), '--pin', `sha256:${'a'.repeat(64)}`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no profile here has this pin'),
    });
  });
});
