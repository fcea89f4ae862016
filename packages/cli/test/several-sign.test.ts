import type { JsonWebKey } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Ended, Running } from './world.js';
import { World } from './world.js';

const FINGERPRINT = /[0-9a-f]{4}(?::[0-9a-f]{4}){7}/;

let world: World;
let running: Running;
/** The key of a second person, who keeps it in a file. */
let bob: { readonly own: string; readonly given: string };
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.done(['keys', 'generate', world.path('bob'), '--suite', 'ed25519']);
  bob = { own: world.path('bob.key.pem'), given: world.path('bob.pub.pem') };
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const trust = (...argv: readonly string[]) => world.bulla(['trust', ...argv]);
const proposed = async (name: string, ...options: readonly string[]): Promise<string> => {
  await world.done(['trust', 'root', 'propose', ...options, '-o', world.path(name)]);
  return world.path(name);
};
/** Signs a proposal, as somebody who was shown it and named it. */
async function cosigned(file: string, ...options: readonly string[]): Promise<Ended> {
  const shown = await trust('cosign', file, ...options);
  const [expected = ''] = /sha256:[\w-]{43}$/m.exec(shown.stderr) ?? [];
  return world.done(['trust', 'cosign', file, ...options, '--yes', '--expect', expected]);
}
describe('a proposal of the next root', () => {
  it('names how many keys there are, and a moment within 14 days [guard: threshold-count] [guard: propose-ahead]', async () => {
    const add = ['--add', `directory=${bob.given}`];
    const propose = (...options: readonly string[]) =>
      trust('root', 'propose', ...add, ...options, '-o', world.path('no.proposal'));
    expect(await propose('--threshold', 'directory=2-of-3')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the directory would have 2 keys, not 3'),
    });
    for (const at of [new Date(Date.now() + 15 * 86_400_000).toISOString(), 'soon'])
      expect(await propose('--at', at.replace(/\.\d+/, ''))).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('within the next 14 days'),
      });
    for (const [option, value] of [
      ['--threshold', 'directory=2'],
      ['--threshold', 'vault=1-of-1'],
      ['--remove', 'ab12'],
      ['--add', 'root'],
      ['--replace', 'vault'],
    ] as const)
      expect(await propose(option, value)).toMatchObject({ code: 2 });
    await expect(readFile(world.path('no.proposal'))).rejects.toThrow('ENOENT');
  });

  it('says from when a vault takes it: in five minutes where somebody else must sign against a thief', async () => {
    const add = ['--add', `root=${bob.given}`, '--threshold', 'root=2-of-2'];
    const seconds = async (name: string, ...options: readonly string[]) => {
      const argv = ['trust', 'root', 'propose', ...options, '-o', world.path(name)];
      const { stderr } = await world.done(argv);
      const [, from = ''] = /^a vault takes it from (\S+Z) until \S+Z$/m.exec(stderr) ?? [];
      return (Date.parse(from) - Date.now()) / 1000;
    };
    const hour = await seconds('hour.proposal', ...add);
    const minutes = await seconds('minutes.proposal', ...add, '--replace', 'directory');
    expect(Math.round(hour / 600)).toBe(6);
    expect(Math.round(minutes / 60)).toBeGreaterThan(3);
    expect(Math.round(minutes / 60)).toBeLessThan(6);
  });

  it('puts no key in its own place [guard: replace-same]', async () => {
    const key = createPrivateKey({
      key: JSON.parse(await readFile(world.path('home/org/dev/directory.key'), 'utf8')) as JsonWebKey,
      format: 'jwk',
    });
    const mine = createPublicKey(key).export({ type: 'spki', format: 'pem' });
    const file = await world.file('mine.pub.pem', mine);
    const argv = ['root', 'propose', '--replace', `directory=${file}`, '-o', world.path('same.proposal')];
    expect(await trust(...argv)).toMatchObject({ code: 2, stderr: expect.stringContaining('counts already') });
  });

  it('makes a new key where the one of an earlier proposal counts by now [guard: propose-adopts]', async () => {
    const [now, next] = ['directory.key', 'directory.next.key'].map((name) => world.path(`home/org/dev/${name}`));
    const counts = await readFile(now ?? '', 'utf8');
    await writeFile(next ?? '', counts, { mode: 0o600 });
    const file = world.path('after.proposal');
    expect(await trust('root', 'propose', '--replace', 'directory', '-o', file)).toMatchObject({ code: 0 });
    expect(await readFile(next ?? '', 'utf8')).not.toBe(counts);
    await rm(next ?? '');
  });

  it('is signed by who was shown it [guard: cosign-unseen] [guard: cosign-expect] [guard: cosign-organisation]', async () => {
    // Bob is here: others would need the hour that is given them else.
    const at = ['--at', new Date().toISOString().replace(/\.\d+/, '')];
    const add = ['--add', `directory=${bob.given}`, '--threshold', 'directory=2-of-2', ...at];
    const file = await proposed('both.proposal', ...add, '--why', 'nobody signs alone');
    const before = await readFile(file, 'utf8');
    const unseen = await trust('cosign', file);
    expect(unseen).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no terminal to ask at') });
    expect(unseen.stderr).toContain('why: nobody signs alone');
    expect(unseen.stderr).toMatch(/^ {2}directory: key \S{39} comes$/m);
    expect(unseen.stderr).toMatch(/^ {2}directory: 2 of 2 keys must sign, instead of 1 of 1$/m);
    const other = ['--yes', '--expect', `sha256:${'A'.repeat(43)}`];
    expect(await trust('cosign', file, ...other)).toMatchObject({ code: 10 });
    const elsewhere = await world.file('else.proposal', before.replace('"org":"dev"', '"org":"other"'));
    expect(await trust('cosign', elsewhere)).toMatchObject({ code: 10, stderr: expect.stringContaining('of other') });
    expect(await world.bulla(['trust', 'cosign', file], { stdin: 'no\n', atTerminal: true })).toMatchObject({
      code: 2,
    });
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  it('is not published before all have signed [guard: publish-complete], and then is; what two must sign is proposed, and one can again', async () => {
    // Bob is here: others would need the hour that is given them else.
    const at = ['--at', new Date().toISOString().replace(/\.\d+/, '')];
    const add = ['--add', `directory=${bob.given}`, '--threshold', 'directory=2-of-2', ...at];
    const file = await proposed('two.proposal', ...add);
    const copy = await world.file('bob.proposal', await readFile(file));
    const mine = await cosigned(file);
    expect(mine.stderr).toMatch(/^directory version \d+ by the keys of root 2: 1 of 2 signed, 1 missing, of \S{39}$/m);
    const early = await trust('publish', file);
    expect(early).toMatchObject({ code: 10, stderr: expect.stringContaining('proposal-signatures') });
    // Bob has a folder of his own, no network and no device: a pin and a key.
    const { pin } = JSON.parse(await readFile(world.path('home/profile.json'), 'utf8')) as { pin: string };
    const argv = ['trust', 'cosign', copy, '--key', bob.own, '--offline', '--pin', pin];
    const home = world.path('bobs');
    const shown = await world.bulla(argv, { home });
    const [expected = ''] = /sha256:[\w-]{43}$/m.exec(shown.stderr) ?? [];
    expect(shown.stderr).toContain(`bulla ${argv.join(' ')} --yes --expect ${expected}`);
    await world.done([...argv, '--yes', '--expect', expected], { home });
    const { stdout } = await world.done(['trust', 'publish', file, copy]);
    expect(stdout).toContain('published: root version 2, policy version 2, directory version ');
    const keys = async () =>
      (await world.done(['trust', 'show'])).stdout.split('\n').find((line) => line.startsWith('directory keys')) ?? '';
    expect(await keys()).toMatch(/^directory keys +signed by 2 of 2: /);

    const policy = (await world.done(['policy', 'show'])).stdout.replace('"max_skew": 60', '"max_skew": 45');
    const set = await world.done(['policy', 'set', await world.file('policy.json', policy), '--yes', '--json']);
    const { proposal } = JSON.parse(set.stdout) as { proposal: string };
    expect(proposal).toMatch(/\/home\/proposals\/directory-\d+-\S{8}\.proposal$/);
    expect((await cosigned(proposal)).stdout).toMatch(/signed: policy with \S{39}, directory with \S{39}/);
    // What was signed and waits is told.
    const doctor = await world.bulla(['doctor']);
    expect(doctor.stdout).toMatch(/directory version \d+ was signed here and is not published/);
    expect(doctor.stdout).toMatch(/signatures needed: root 1 of 1, policy 1 of 1, directory 2 of 2/);
    await cosigned(proposal, '--key', bob.own);
    expect((await world.done(['trust', 'publish', proposal])).stdout).toContain('policy version 3, directory version ');
    expect((await world.done(['policy', 'show'])).stdout).toContain('"max_skew": 45');
    // What is due waits for both.
    const renewed = await trust('renew');
    expect([renewed.code, renewed.stdout]).toEqual([
      0,
      expect.stringMatching(/^directory version \d+ and \d+ labels are the newest\n$/),
    ]);

    const [, second = ''] = (await keys()).match(new RegExp(FINGERPRINT, 'g')) ?? [];
    const alone = ['--remove', `directory=${second}`, '--threshold', 'directory=1-of-1'];
    const last = await proposed('alone.proposal', ...alone);
    expect((await cosigned(last)).stderr).toContain('next: bulla trust publish');
    await world.done(['trust', 'publish', last]);
    expect(await keys()).toMatch(/^directory keys +signed by 1 of 1: /);
    await world.done(['policy', 'set', '--chat', 'grp:members', '--yes']);
  });
});

describe('owners', () => {
  it.each([
    ['none', ['--owners', '0']],
    ['more than there are that must sign [guard: init-owners]', ['--owners', '2', '--threshold', '3']],
    ['a threshold without them', ['--threshold', '2']],
    ['letters', ['--owners', 'two']],
  ])('are refused: %s', async (_what, options) => {
    const urls = ['--vault-url', 'https://vault.example', '--responder-url', 'https://responder.example'];
    const argv = ['init', '--production', '--org', 'acme', ...urls, ...options];
    expect(await world.bulla(argv, { home: world.path('owners') })).toMatchObject({ code: 2 });
  });
});
