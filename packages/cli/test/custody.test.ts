import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

// Who can read what, said by the commands, from the policy to the run.

let world: World;
let running: Running;
let now: object;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  now = JSON.parse((await world.done(['policy', 'show'])).stdout) as object;
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const policy = (custody: object) => world.file('policy.json', JSON.stringify({ ...now, custody }));
const push = (name: string, ...more: string[]) =>
  world.done(['prompt', 'push', name, '-f', world.path('triage.md'), ...more]);
const run = (name: string) => world.bulla(['run', name, '--var', 'claim=water']);
const READS =
  'the operator of the vault could read what is pushed to names under open/, beside its readers and responders';

describe('a name that the policy has the vault manage', () => {
  it('becomes one when somebody agrees to who can read it then', async () => {
    await push('claims/triage', '--label', 'production');
    const file = await policy({ '*': 'sealed', 'open/': 'managed' });
    expect(await world.bulla(['policy', 'test', file])).toMatchObject({ code: 1, stdout: `${READS}\n` });
    const unattended = await world.bulla(['policy', 'set', file]);
    expect([unattended.code, unattended.stderr.includes(`note: ${READS}`)]).toEqual([2, true]);
    expect((await world.done(['policy', 'set', file, '--yes'])).stdout).toContain('policy version 2');
  });

  it('is pushed and run as any other, and every command says who can read it', async () => {
    const pushed = await push('open/faq', '--label', 'production');
    expect(pushed.stderr).toContain('note: the policy has the vault manage this name: its operator can read this');
    const json = JSON.parse((await push('open/faq', '--json')).stdout) as { custody: string; changed: boolean };
    expect(json).toMatchObject({ custody: 'managed', changed: false });
    expect((await world.done(['prompt', 'show', 'open/faq'])).stdout).toMatch(
      /custody +managed: the operator of the vault can read it, too/,
    );
    expect((await world.done(['prompt', 'show', 'claims/triage'])).stdout).toMatch(
      /custody +sealed: the vault cannot read it/,
    );
    expect(JSON.parse((await world.done(['prompt', 'show', 'open/faq', '--json'])).stdout)).toMatchObject({
      custody: 'managed',
    });
    expect(await run('open/faq')).toMatchObject({ code: 0 });
  });

  it('may be pushed in the clear to a vault on this machine: what the vault made is opened, labelled and run', async () => {
    const { stdout, stderr } = await push('open/clear', '--clear', '--label', 'production', '-m', 'from a form');
    expect(stdout).toMatch(/^open\/clear {2}v1 {2}sha256:\S+ {2}labels: production, latest\n$/);
    expect(stderr).toContain('sent in the clear: the vault signed and sealed it for 2 recipients');
    expect(stderr).toContain('its operator can read this');
    const shown = (await world.done(['prompt', 'show', 'open/clear'])).stdout;
    expect(shown).toMatch(/from a form/);
    expect(shown).toMatch(/custody +managed/);
    expect(await run('open/clear')).toMatchObject({ code: 0 });
    const again = await push('open/clear', '--clear', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ custody: 'managed', changed: false, version: 1 });
    await world.done(['prompt', 'delete', 'open/clear', '--yes']);
  });

  it('is not sent in the clear where the policy keeps the name sealed', async () => {
    const argv = ['prompt', 'push', 'claims/other', '-f', world.path('triage.md'), '--clear'];
    const refused = await world.bulla(argv);
    expect(refused).toMatchObject({ code: 5, stdout: '' });
    expect(refused.stderr).toContain('the policy keeps claims/other sealed: nothing was sent');
    expect(refused.stderr).toMatch(/^bulla: hint: push it without --clear; `bulla policy show`/m);
    expect((await world.bulla(['prompt', 'show', 'claims/other'])).code).not.toBe(0);
  });

  it('is none that has versions which were sealed', async () => {
    const refused = await world.bulla(['policy', 'set', await policy({ '*': 'managed' }), '--yes']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('claims/triage has versions that were sealed');
  });

  it('is sealed again when the policy says so: the vault forgets it, and it is pushed anew', async () => {
    const file = await policy({ '*': 'sealed' });
    const tested = await world.bulla(['policy', 'test', file]);
    expect(tested.stdout).toContain('open/faq would be sealed: the vault forgets how to read its versions');
    await world.done(['policy', 'set', file, '--yes']);
    expect((await run('open/faq')).code).not.toBe(0);
    const pushed = JSON.parse((await push('open/faq', '--label', 'production', '--json')).stdout) as object;
    expect(pushed).toMatchObject({ custody: 'sealed', changed: true, version: 2 });
    expect(await run('open/faq')).toMatchObject({ code: 0 });
    const back = await world.bulla(['policy', 'set', await policy({ '*': 'sealed', 'open/': 'managed' }), '--yes']);
    expect([back.code === 0, back.stderr.includes('open/faq has versions that were sealed')]).toEqual([false, true]);
  });
});
