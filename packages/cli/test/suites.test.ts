import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

// [red] One `policy set` of an honest owner left an organisation without anybody: every key was of another suite.

let world: World;
let running: Running;
beforeEach(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.file('better.md', 'Sort this claim by urgency.\n\n{{claim}}\n');
  await push('triage.md');
});
afterEach(async () => {
  await running.stop();
  await world.remove();
});

const push = (file: string) =>
  world.done(['prompt', 'push', 'claims/triage', '-f', world.path(file), '--label', 'production']);
const asked = () => world.done(['run', 'claims/triage', '--var', 'claim=Water.']);
const setSuites = async (...suites: string[]) => {
  const policy = JSON.parse((await world.done(['policy', 'show'])).stdout) as object;
  await world.file('policy.json', JSON.stringify({ ...policy, suites }));
  return world.bulla(['policy', 'set', world.path('policy.json')]);
};
/** All of the organisation that is signed, and its keys. */
const signed = async () => {
  const folder = join(world.path('home'), 'org/dev');
  const names = (await readdir(folder)).toSorted();
  return Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')]));
};

describe('the suites of an organisation', () => {
  it('are not changed at once, when everybody would be locked out: nothing is signed, and it says what comes first', async () => {
    const before = await signed();
    const refused = await setSuites('rsa2048');
    expect([refused.code, refused.stdout]).toEqual([expect.any(Number), '']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(
      'nothing was signed: the policy no longer allows the suite of the keys of the vault',
    );
    expect(refused.stderr).toContain('bulla keys generate');
    expect(refused.stderr).toContain('docs/guide/people.md');
    expect(await signed()).toEqual(before);
    expect((await asked()).stdout).toContain('Water.');
  });

  it('are changed step by step, keys of the new suite first', async () => {
    const added = await setSuites('rsa2048', 'p256');
    expect(added.stderr).toContain('signing key of the vault renewed');
    expect((await setSuites('rsa2048')).stderr).toContain('the keys of the last responder');

    await world.done(['device', 'renew']);
    const keys = join(world.path('home'), 'services/responder.keys.json');
    const fresh = world.path('responder.new.json');
    await world.done(['keys', 'generate', fresh, '--like', keys, '--suite', 'rsa2048']);
    const stated = await world.done(['keys', 'public', fresh]);
    await world.file('responder.public', stated.stdout);
    const fingerprint = /fingerprint (\S+)/.exec(stated.stderr)?.[1] ?? '';
    await rename(fresh, keys);
    await world.accepted(['--fingerprint', fingerprint, '--keys', world.path('responder.public')]);
    await running.stop();
    running = await world.up();
    await push('better.md');

    expect((await setSuites('rsa2048')).stdout).toContain('policy version 3');
    expect((await asked()).stdout).toContain('Water.');
    await running.stop();
    running = await world.up();
    expect((await asked()).stdout).toContain('Water.');
  });
});
