import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Ended, Running } from './world.js';
import { World } from './world.js';

const NAME = 'claims/triage';
let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

/** A command in the home folder of another person. */
async function as(name: string, argv: readonly string[], stdin = ''): Promise<Ended> {
  const home = world.env['BULLA_HOME'];
  world.env['BULLA_HOME'] = world.path(name);
  try {
    return await world.bulla(argv, { stdin });
  } finally {
    world.env['BULLA_HOME'] = home;
  }
}

/** A second author, who comes in after everything was pushed. */
async function letIn(name: string): Promise<void> {
  const role = ['--role', 'author', '--role', 'invoker', '--group', 'grp:authors', '--group', 'grp:members'];
  const { stdout: code } = await world.done(['device', 'invite', '--label', name, ...role]);
  await as(name, ['device', 'enrol'], code);
  await world.done(['device', 'approve']);
  expect(await as(name, ['device', 'enrol'])).toMatchObject({ code: 0 });
}

const push = async (text: string, ...options: string[]) => {
  await world.file('triage.md', `${text}\n\n{{claim}}\n`);
  await world.done(['prompt', 'push', NAME, '-f', world.path('triage.md'), ...options]);
};

describe('bulla prompt reseal', () => {
  it('lets somebody who came in later take part in a rollback to a version that is not the newest', async () => {
    await push('Version one.', '--label', 'production');
    await push('Version two.');
    await push('Version three.');
    await letIn('ada');
    const policy = JSON.parse((await world.done(['policy', 'show'])).stdout) as Record<string, unknown>;
    const labels = { production: { groups: ['grp:authors'], threshold: 2 } };
    await world.file('policy.json', JSON.stringify({ ...policy, labels }));
    await world.done(['policy', 'set', world.path('policy.json'), '--yes']);

    const closed = await as('ada', ['prompt', 'show', `${NAME}@v1`]);
    expect(closed).toMatchObject({ code: 5, stdout: '' });
    expect(closed.stderr).toContain(`bulla prompt reseal ${NAME} --version 1`);
    const own = await as('ada', ['prompt', 'reseal', NAME, '--labelled']);
    expect(own).toMatchObject({ code: 5, stdout: expect.stringContaining(`${NAME} v1  not sealed to this device\n`) });
    expect(own.stderr).toContain(`those who came since: bulla prompt reseal ${NAME} --all\n`);
    expect((await as('ada', ['prompt', 'history', NAME])).stdout).toContain('(not sealed to this device)');
    const lacking = await world.bulla(['doctor']);
    expect(lacking.stdout).toMatch(
      /grants +2 labelled versions without a grant: claims\/triage v1 for dev dev_\w+ \(encryption key /,
    );
    expect(lacking.stdout).toContain(`mend it: bulla prompt reseal ${NAME} --labelled\n`);
    // The newest is reached by a push of the same text; no push reaches an older one.
    await push('Version three.');
    expect(await as('ada', ['prompt', 'show', `${NAME}@v1`])).toMatchObject({ code: 5 });

    const resealed = await world.done(['prompt', 'reseal', NAME, '--labelled']);
    expect(resealed.stdout).toMatch(
      /^claims\/triage v1 {2}sealed to dev dev_\w+\nclaims\/triage v3 {2}nobody was missing\n$/,
    );
    expect((await world.bulla(['doctor'])).stdout).toContain('labelled versions are sealed to the keys of all');
    const shown = await as('ada', ['prompt', 'show', `${NAME}@v1`]);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('Version one.') });
    expect((await world.done(['prompt', 'list'])).stdout).toContain('latest v3, production v1');
  });
});

describe('bulla prompt unshare', () => {
  const unshare = (...more: string[]) => world.bulla(['prompt', 'unshare', ...more]);

  it('has the vault hand a device no more what it could read, until somebody seals it to it again', async () => {
    const one = await unshare(`${NAME}@v1`, '--from', 'ada');
    expect(one).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^✔ 1 version of claims\/triage not handed to dev dev_\w+ any more: v1\n$/),
      stderr: expect.stringContaining('a reseal gives these back'),
    });
    expect(await as('ada', ['prompt', 'show', `${NAME}@v1`])).toMatchObject({ code: 5, stdout: '' });
    expect(await as('ada', ['prompt', 'show', `${NAME}@v3`])).toMatchObject({ code: 0 });

    const rest = JSON.parse((await unshare(NAME, '--from', 'ada', '--json')).stdout) as object;
    expect(rest).toEqual({
      name: NAME,
      device: expect.stringContaining(':dev:dev_'),
      versions: expect.not.arrayContaining([1]),
      may_read: true,
    });
    expect(await as('ada', ['prompt', 'show', `${NAME}@v3`])).toMatchObject({ code: 5, stdout: '' });
    expect((await unshare(NAME, '--from', 'ada')).stdout).toContain('nothing to forget');
    await world.done(['prompt', 'reseal', NAME, '--labelled']);
    expect(await as('ada', ['prompt', 'show', `${NAME}@v3`])).toMatchObject({ code: 0 });
  });

  it('is for those whose versions these are, and for admins', async () => {
    const owner = (JSON.parse((await world.done(['whoami', '--json'])).stdout) as { device: string }).device;
    const taken = await as('ada', ['prompt', 'unshare', NAME, '--from', owner]);
    expect(taken).toMatchObject({ code: 5, stderr: expect.stringContaining('forbidden') });
    expect(await world.bulla(['prompt', 'show', `${NAME}@v3`])).toMatchObject({ code: 0 });
  });

  it.each([
    ['a device that is none', [NAME, '--from', 'nobody'], 6, 'there is no such device'],
    ['a prompt that is none', ['claims/none', '--from', 'ada'], 6, 'not_found'],
    ['no device', [NAME], 2, "required option '--from <device>'"],
    ['two versions', [`${NAME}@v1`, '--version', '2', '--from', 'ada'], 2, 'version'],
  ])('refuses %s', async (_name, args, code, message) => {
    expect(await unshare(...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});

describe('a label that two people move', () => {
  const MOVES = 'claims/moves';
  const pushMoves = (text: string, ...options: string[]) =>
    world.bulla(['prompt', 'push', MOVES, '-f', '-', ...options], { stdin: `${text}\n` });
  const promote = (version: string, to: string) => world.bulla(['prompt', 'promote', MOVES, version, '--label', to]);

  it('ends with 11 while it waits for the other, however it was begun', async () => {
    const pushed = await pushMoves('One.', '--label', 'production', '--label', 'staging');
    expect(pushed).toMatchObject({ code: 11, stdout: expect.stringContaining('1 of 2 approvals (you)') });
    expect(await pushMoves('One.', '--label', 'production', '--json')).toMatchObject({ code: 11 });
    const [, hinted = ''] = /: bulla (prompt promote .*)$/m.exec((await promote('v1', 'production')).stderr) ?? [];
    expect(await world.bulla(hinted.split(' '))).toMatchObject({ code: 11 });
    expect((await world.bulla(['--help'])).stdout).toContain('11 signed and waits for others');
  });

  it('is left alone by the demo, which has a label of its own', async () => {
    expect(await world.bulla(['demo'])).toMatchObject({ code: 0, stdout: expect.stringContaining('demo ok') });
    expect((await world.done(['approve', 'list'])).stdout).not.toContain('demo/claim-triage');
    expect(await world.bulla(['run', 'demo/claim-triage@demo', '--var', 'claim=Water.'])).toMatchObject({ code: 0 });
  });

  it('is never signed by the demo [guard: cli-demo-protected]', async () => {
    const policy = JSON.parse((await world.done(['policy', 'show'])).stdout) as { labels: object };
    const labels = { ...policy.labels, demo: { groups: ['grp:authors'], threshold: 2 } };
    await world.file('demo.json', JSON.stringify({ ...policy, labels }));
    await world.done(['policy', 'set', world.path('demo.json'), '--yes']);
    expect(await world.bulla(['demo'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('asks 2 people to sign the label demo'),
    });
    expect((await world.done(['approve', 'list'])).stdout).not.toContain('demo/claim-triage');
  });
});

describe('a label', () => {
  const NAMED = 'claims/named';
  const prompt = (...argv: string[]) => world.bulla(['prompt', ...argv]);
  beforeAll(async () => {
    for (const text of ['One.\n', 'Two.\n'])
      await world.done(['prompt', 'push', NAMED, '-f', '-', '--label', 'staging'], { stdin: text });
  });

  it('is not signed again where it stands already [guard: cli-move-unchanged]', async () => {
    const unchanged = { code: 0, stdout: `${NAMED}  staging → v2  (unchanged, move 2)\n` };
    expect(await prompt('promote', NAMED, '2', '--label', 'staging')).toMatchObject(unchanged);
    expect(await prompt('label', NAMED, 'staging', 'v2')).toMatchObject(unchanged);
    const other = await prompt('promote', NAMED, '2', '--label', 'staging', '--expect', `sha256:${'A'.repeat(43)}`);
    expect(other).toMatchObject({ code: 10, stdout: '' });
  });

  it('is moved away from the newest version by nobody, if it is latest [guard: cli-latest-newest]', async () => {
    expect(await prompt('label', NAMED, 'latest', '1')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('latest always names the newest version, which is v2'),
    });
    expect(await prompt('promote', `${NAMED}@v1`, '--label', 'latest')).toMatchObject({ code: 2 });
    expect(await prompt('label', NAMED, 'latest', '2')).toMatchObject({ code: 0 });
  });

  it('is not rolled back, if it is latest [guard: cli-latest-rollback]', async () => {
    const ended = await prompt('rollback', NAMED, '--label', 'latest');
    expect(ended.stderr).toContain('latest always names the newest version\n');
    expect(ended).toMatchObject({ code: 2, stdout: '' });
  });

  it('is not removed, if it is latest [guard: cli-latest-delete]', async () => {
    expect(await prompt('label', NAMED, 'latest', '--delete')).toMatchObject({ code: 2, stdout: '' });
    expect(await prompt('show', NAMED)).toMatchObject({ code: 0 });
  });
});
