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
    await world.done(['policy', 'set', world.path('policy.json')]);

    const closed = await as('ada', ['prompt', 'show', `${NAME}@v1`]);
    expect(closed).toMatchObject({ code: 5, stdout: '' });
    expect(closed.stderr).toContain(`bulla prompt reseal ${NAME} --version 1`);
    const own = await as('ada', ['prompt', 'reseal', NAME, '--labelled']);
    expect(own).toMatchObject({ code: 5, stdout: expect.stringContaining(`${NAME} v1  not sealed to this device\n`) });
    expect(own.stderr).toContain('somebody who can open it runs: bulla prompt reseal');
    // The newest is reached by a push of the same text; no push reaches an older one.
    await push('Version three.');
    expect(await as('ada', ['prompt', 'show', `${NAME}@v1`])).toMatchObject({ code: 5 });

    const resealed = await world.done(['prompt', 'reseal', NAME, '--labelled']);
    expect(resealed.stdout).toMatch(
      /^claims\/triage v1 {2}sealed to dev dev_\w+\nclaims\/triage v3 {2}nobody was missing\n$/,
    );
    const shown = await as('ada', ['prompt', 'show', `${NAME}@v1`]);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('Version one.') });
    expect((await world.done(['prompt', 'list'])).stdout).toContain('latest v3, production v1');
  });
});
