import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keepAsking } from './steady-asking.js';
import type { Running } from './world.js';
import { World } from './world.js';

// A responder gets a new encryption key beside the one it has, while somebody goes on running prompts.

let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await push('claims/triage', '--label', 'production');
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const FINGERPRINT = String.raw`[0-9a-f]{4}(?::[0-9a-f]{4}){7}`;
const keysOf = (service: string) => join(world.path('home'), `services/${service}.keys.json`);
const push = (name: string, ...options: string[]) =>
  world.done(['prompt', 'push', name, '-f', world.path('triage.md'), ...options]);
const asking = (name: string) => ['run', name, '--var', 'claim=Water.'];
const ASK = asking('claims/triage');
const ask = (name = 'claims/triage') => world.bulla(asking(name));
const usesOf = async (file: string) =>
  (JSON.parse(await readFile(file, 'utf8')) as { keys: { use: string }[] }).keys.map(({ use }) => use);

/** Passes when retiring would only take a yes. */
async function untilNothingLacks(): Promise<void> {
  for (;;) {
    const { stderr } = await world.bulla(['trust', 'retire'], { stdin: 'no\n' });
    if (stderr.includes('nothing was signed')) return;
    expect(stderr).toMatch(/would not run any more/);
    await sleep(250);
  }
}

describe('a new encryption key of a responder', () => {
  it('is made beside the keys that are there, and listed by the start that finds it', async () => {
    const file = world.path('responder.new.json');
    const { stdout } = await world.done(['keys', 'generate', file, '--like', keysOf('responder'), '--encryption']);
    expect(stdout).toMatch(/^✔ a fresh encryption key beside the keys of urn:bulla:dev:svc:responder:local in /);
    expect(await usesOf(file)).toEqual(['sig', 'enc', 'enc', 'sig']);
    await running.stop();
    await rename(file, keysOf('responder'));
    running = await world.up();
    expect((await ask()).stdout).toContain('Water.');
  });

  it('takes the place of the old one while every question is answered', async () => {
    const stop = keepAsking(world, ASK, 'Water.');
    await push('claims/later', '--label', 'production');
    expect((await ask('claims/later')).stdout).toContain('Water.');

    // Nobody reseals anything: the responder moves what its older key opens.
    await untilNothingLacks();
    const refused = await world.bulla(['trust', 'retire'], { stdin: 'no\n' });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing was signed') });
    const { stdout, stderr } = await world.done(['trust', 'retire', '--yes']);
    expect(stdout).toMatch(new RegExp(`^✔ retired: ${FINGERPRINT} of urn:bulla:dev:svc:responder:local\\n$`));
    expect(stderr).toMatch(/^directory version \d+; they only verify, and open what is sealed to them$/m);
    for (const name of ['claims/triage', 'claims/later']) expect((await ask(name)).stdout).toContain('Water.');
    const { answered, failed } = await stop();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    process.stdout.write(`encryption key of the responder: ${answered} runs meanwhile, ${failed.length} failed\n`);
  }, 60_000);

  it('is the only one that is sealed to then', async () => {
    expect((await world.done(['trust', 'retire'])).stdout).toMatch(/^nothing to retire: /);
    expect(JSON.parse((await world.done(['trust', 'retire', '--yes', '--json'])).stdout)).toMatchObject({
      retired: [],
    });
    const { stdout } = await world.done(['trust', 'show']);
    const states = [...stdout.matchAll(/^responder local .* unwrap +\S+ +(\w+)/gm)].map(([, state]) => state);
    expect(states.toSorted()).toEqual(['active', 'deactivated']);
    await push('claims/last', '--label', 'production');
    expect((await ask('claims/last')).stdout).toContain('Water.');
  });

  it.each([
    [['keys', 'generate', 'one', '--encryption'], '--encryption goes with --like'],
    [['keys', 'generate', 'one', '--signing'], '--signing goes with --like'],
  ])('is not made by %j', async (argv, told) => {
    expect(await world.bulla(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(told) });
  });

  it('is not made for a vault or a device, to whom nothing is sealed as a service', async () => {
    for (const like of [keysOf('vault'), join(world.path('home'), 'identity.json')]) {
      const ended = await world.bulla(['keys', 'generate', world.path('no.json'), '--like', like, '--encryption']);
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('only a responder has encryption keys') });
    }
  });

  it('is listed by who signs the directory where its file lies elsewhere', async () => {
    const file = world.path('another.json');
    await world.done(['keys', 'generate', file, '--like', keysOf('responder'), '--encryption', '--suite', 'p256']);
    const shown = await world.done(['keys', 'public', file]);
    const [, fingerprint = ''] = new RegExp(`^fingerprint (${FINGERPRINT})$`, 'm').exec(shown.stderr) ?? [];
    const keys = await world.file('responder.public', shown.stdout);
    const accept = ['trust', 'accept', 'responder', '--fingerprint', fingerprint, '--keys', keys];
    const early = await world.bulla(accept);
    expect(early).toMatchObject({ code: 2, stdout: '' });
    expect(early.stderr).toMatch(
      new RegExp(`^bulla: error: urn:bulla:dev:svc:responder:local does not hold ${FINGERPRINT} yet`, 'm'),
    );
    const { stdout, stderr } = await world.done([...accept, '--file-later']);
    expect(stderr).toContain(
      'note: put the new key file of the responder in place now: until then it refuses what is sealed to it',
    );
    expect(stdout).toMatch(new RegExp(`^✔ urn:bulla:dev:svc:responder:local: encryption key ${FINGERPRINT}\\n$`));
    expect(stderr).toContain('the older one counts until it is retired');
    expect(stderr).toContain('then: bulla trust retire');
    expect(stderr).not.toContain('needs_rewrap');
  });

  it('does not end what it cannot open: the older one stays, and what is sealed to it alone is named', async () => {
    const early = await world.bulla(['trust', 'retire', '--yes']);
    expect(early).toMatchObject({ code: 2, stdout: '' });
    expect(early.stderr).toMatch(new RegExp(`^lacks a grant for ${FINGERPRINT}: claims/triage@1$`, 'm'));
    expect(early.stderr).toContain('3 versions of 3 prompts would not run any more');
    expect(early.stderr).toContain(
      'hint: the responder does not hold that key: put the file with that key in its place',
    );
    expect(early.stderr).toContain('bulla trust retire urn:bulla:dev:svc:responder:local --not-held');
  });

  it('that the responder never gets is named by doctor, and ended with a word of its own: the one it holds stays', async () => {
    const found = async () => {
      const findings = JSON.parse((await world.bulla(['doctor', '--json'])).stdout) as { name: string; ok: boolean }[];
      return findings.find(({ name }) => name === 'keys of responder local');
    };
    expect(await found()).toMatchObject({
      ok: false,
      detail: expect.stringMatching(
        new RegExp(`^the directory lists ${FINGERPRINT} \\(unwrap\\), and urn:.*does not hold it$`),
      ),
      fix: expect.stringContaining('bulla trust retire urn:bulla:dev:svc:responder:local --not-held'),
    });
    const { stdout, stderr } = await world.done(['trust', 'retire', '--not-held', '--yes']);
    expect(stdout).toMatch(new RegExp(`^✔ retired: ${FINGERPRINT} of urn:bulla:dev:svc:responder:local\\n$`));
    expect(stderr).toMatch(
      new RegExp(`^retire   ${FINGERPRINT}: every version that it opens, ${FINGERPRINT} opens too$`, 'm'),
    );
    expect(await found()).toMatchObject({ ok: true });
    await push('claims/after', '--label', 'production');
    expect((await ask('claims/after')).stdout).toContain('Water.');
    expect((await world.done(['trust', 'retire'])).stdout).toMatch(/^nothing to retire: /);
  });

  it('is of a responder that is listed', async () => {
    expect(await world.bulla(['trust', 'retire', 'urn:bulla:dev:svc:responder:none'])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('the directory lists no such vault, responder or renewer'),
    });
  });
});
