import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

let world: World;
let running: Running;
let now: { readonly labels: object };
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  now = JSON.parse((await world.done(['policy', 'show'])).stdout) as typeof now;
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const written = (change: object) => world.file('policy.json', JSON.stringify({ ...now, ...change }));
const version = async () => JSON.parse((await world.done(['policy', 'show'])).stdout) as unknown;
const UNREACHED = { labels: { production: { groups: ['grp:author'], threshold: 5 } } };
const SAID = [
  'nobody is in grp:author; did you mean grp:authors?',
  'nobody could move or confirm the label production: its rule asks for 5 of grp:author, where 0 people are',
  'claims/triage@production has the signatures of 0 of 5 people that its rule would ask for: until others confirm it, it is not run',
];

describe('a policy that nobody can meet', () => {
  it('is known beforehand: which rules, which groups, which labels', async () => {
    const file = await written(UNREACHED);
    const tested = await world.bulla(['policy', 'test', file]);
    expect(tested).toEqual({ code: 1, stdout: SAID.map((line) => `${line}\n`).join(''), stderr: '' });
    const dry = await world.done(['policy', 'set', file, '--dry-run']);
    expect(dry.stdout).toBe('nothing was signed: policy version 2 could be\n');
    expect(dry.stderr).toBe(SAID.map((line) => `note: ${line}\n`).join(''));
  });

  it('is signed by somebody who agrees, and by nobody else [guard: policy-consequences]', async () => {
    const file = await written({ ...UNREACHED, authors: { '*': ['grp:authors'], 'drafts/': ['grp:writers'] } });
    const unattended = await world.bulla(['policy', 'set', file]);
    expect(unattended).toMatchObject({ code: 2, stdout: '' });
    for (const line of [...SAID, 'nobody could write names under drafts/: no author is in grp:writers'])
      expect(unattended.stderr).toContain(`note: ${line}\n`);
    expect(unattended.stderr).toContain('hint: say so with --yes');
    expect(await world.bulla(['policy', 'set', file], { stdin: 'no\n' })).toMatchObject({ code: 2, stdout: '' });
    expect(await version()).toEqual(now);
    expect((await world.done(['policy', 'set', file], { stdin: 'y\n' })).stdout).toContain('policy version 2');
    expect((await world.done(['policy', 'set', await written({})])).stdout).toContain('policy version 3');
    expect(await version()).toEqual(now);
  });

  it('is told from one with nothing to say, and from the one that counts', async () => {
    const good = { labels: { production: { groups: ['grp:authors'] } } };
    expect(await world.bulla(['policy', 'test', await written(good)])).toMatchObject({
      code: 0,
      stdout: '✔ every rule can be met\n',
    });
    expect(await world.bulla(['policy', 'test', await written({})])).toMatchObject({
      code: 0,
      stdout: '✔ the policy says this already\n',
    });
    expect(await world.bulla(['policy', 'test', await written({ labels: [] })])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('wrong shape at /labels'),
    });
  });

  it('is not signed where it switches on what does not work, and a test of it says the same', async () => {
    const file = await written({ auth: { bearer: true, oidc: 'off' } });
    for (const command of [['test'], ['set', '--yes'], ['set', '--dry-run']]) {
      const refused = await world.bulla(['policy', ...command, file]);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain('auth.bearer (leave it at false)');
    }
    expect(await version()).toEqual(now);
  });
});

describe('who may chat without a stored prompt', () => {
  const chat = async () => (JSON.parse((await world.done(['policy', 'show'])).stdout) as { chat: string[] }).chat;

  it('is changed by itself, once it is clear what that opens', async () => {
    expect(await chat()).toEqual(['grp:members']);
    const opened = ['policy', 'set', '--chat', 'grp:authors', 'grp:suport'];
    const unattended = await world.bulla(opened);
    expect(unattended).toMatchObject({ code: 2, stdout: '' });
    expect(unattended.stderr).toContain('note: nobody is in grp:suport');
    expect(unattended.stderr).toContain(
      'note: members of grp:authors could ask every model of every responder what they like, without a stored prompt',
    );
    await world.done(['policy', 'set', '--chat', 'grp:authors', '--yes']);
    expect(await version()).toEqual({ ...now, chat: ['grp:authors'] });
    await world.done(['policy', 'set', '--chat', 'none']);
    expect(await chat()).toEqual([]);
    await world.done(['policy', 'set', '--chat', 'grp:members', '--yes']);
    expect(await version()).toEqual(now);
  });

  it.each([[['set']], [['set', 'policy.json', '--chat', 'grp:members']]])(
    'comes from a file or is said, and not both: %j',
    async (command) => {
      const refused = await world.bulla(['policy', ...command]);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain('give either a file or --chat');
    },
  );
});

describe('a rule that two people have to meet', () => {
  const UNMET = 'its rule asks for 2 of grp:authors, where 1 person is\n';

  it('is met while both are there, and by no device that was revoked', async () => {
    const other = await World.make();
    const file = await written({ labels: { staging: { groups: ['grp:authors'], threshold: 2 } } });
    const test = async () => (await world.bulla(['policy', 'test', file])).stdout;
    expect(await test()).toBe(`nobody could move or confirm the label staging: ${UNMET}`);
    const invite = ['device', 'invite', '--role', 'author', '--group', 'grp:authors', '--label', 'second'];
    const code = (await world.done(invite)).stdout;
    await other.done(['device', 'enrol'], { stdin: code });
    await world.done(['device', 'approve']);
    await other.done(['device', 'enrol']);
    expect(await test()).toBe('✔ every rule can be met\n');
    await world.done(['device', 'revoke', 'second', '--yes']);
    expect(await test()).toBe(`nobody could move or confirm the label staging: ${UNMET}`);
    await other.remove();
  });
});

describe('a group that nobody is in and no rule names', () => {
  const SUSPECTED = 'note: nobody is in grp:membres, and no rule names it; did you mean grp:members?\n';

  it('is said of the rights of a prompt', async () => {
    const file = await world.file('open.md', '---\nacl:\n  invoke: [grp:membres]\n  read: [grp:authors]\n---\nHello\n');
    expect((await world.done(['prompt', 'push', 'claims/open', '-f', file])).stderr).toContain(SUSPECTED);
  });

  it('is said of an invitation, and of nothing else', async () => {
    const invite = ['device', 'invite', '--role', 'invoker', '--label', 'phone', '--group', 'grp:members'];
    expect((await world.done([...invite, '--group', 'grp:membres'])).stderr).toContain(SUSPECTED);
    expect((await world.done(invite)).stderr).not.toContain('nobody is in');
  });
});
