import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fingerprint, parseDirectoryFreshness } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keepAsking } from './steady-asking.js';
import type { Running } from './world.js';
import { World } from './world.js';

// A renewer gets new keys while it goes on saying what is the newest, and somebody runs prompts all the time.

let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

interface KeyFile {
  readonly urn: string;
  readonly keys: readonly { readonly kid: string; readonly pur: readonly string[] }[];
}

const FINGERPRINT = String.raw`[0-9a-f]{4}(?::[0-9a-f]{4}){7}`;
const ASK = ['run', 'claims/triage', '--var', 'claim=Water.'];
const ROUND = /^directory version \d+ and 2 labels are the newest\n$/;
const keysIn = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as KeyFile;

/** The key by which a renewer called the newest directory so. */
async function saidBy(urn: string): Promise<string | undefined> {
  const url = `${running.url('vault')}/.well-known/bulla/dev/fresh.json`;
  const { fresh } = (await (await fetch(url)).json()) as { fresh: string[] };
  return fresh.map((word) => parseDirectoryFreshness(word)).find(({ claims }) => claims.iss === urn)?.header.kid;
}

/** The keys that the directory lists of a renewer, by their state. */
async function listed(keys: KeyFile['keys'], state: string): Promise<string[]> {
  const lines = (await world.done(['trust', 'show'])).stdout.split('\n').filter((line) => line.endsWith(` ${state}`));
  return keys.flatMap(({ kid }) => (lines.some((line) => line.includes(fingerprint(kid))) ? [kid] : []));
}

/** A renewer with its own memory, which came in by an invitation. */
async function letIn(home: string): Promise<void> {
  const { stdout } = await world.done(['device', 'invite', '--role', 'renewer', '--label', 'second']);
  await world.done(['device', 'enrol', '--renewer'], { stdin: stdout, home });
  await world.done(['device', 'approve']);
  await world.done(['device', 'enrol', '--renewer'], { home });
  const shown = await world.bulla(['trust', 'renew', '--adopt', '--yes'], { home });
  const [, content = ''] = /--yes --expect (sha256:[\w-]{43})/.exec(shown.stderr) ?? [];
  await world.done(['trust', 'renew', '--adopt', '--yes', '--expect', content], { home });
}

/** New keys of the renewer in a home folder. */
interface Renewal {
  readonly home: string;
  /** As `trust retire` names it. */
  readonly service: string;
  readonly urn: string;
  /** Where its keys are, and where the next ones are made. */
  readonly file: string;
  readonly next: string;
  readonly old: KeyFile['keys'];
  readonly fresh: KeyFile['keys'];
}

async function begin(home: string, service: string): Promise<Renewal> {
  const file = join(home, 'services/renewer.keys.json');
  const next = world.path(`${service.replaceAll(':', '-')}.new.json`);
  const { urn, keys: old } = await keysIn(file);
  const made = await world.done(['keys', 'generate', next, '--like', file, '--signing']);
  expect(made.stdout).toBe(`✔ a fresh signing key beside the keys of ${urn} in ${next}\n`);
  const fresh = (await keysIn(next)).keys.filter(({ kid }) => !old.some((one) => one.kid === kid));
  expect(fresh.map(({ pur }) => pur)).toEqual([['http'], ['fresh']]);
  return { home, service, urn, file, next, old, fresh };
}

/** Lists the keys of a file, as who signs the directory does. */
async function accept({ urn, old, fresh }: Renewal, file: string): Promise<void> {
  const shown = await world.done(['keys', 'public', file]);
  const [, own = ''] = new RegExp(`^fingerprint (${FINGERPRINT})$`, 'm').exec(shown.stderr) ?? [];
  const keys = await world.file('renewer.public', shown.stdout);
  const command = ['trust', 'accept', 'renewer', '--fingerprint', own, '--keys', keys];
  const refused = await world.bulla([...command, '--file-later']);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('--file-later is for a vault or a responder');
  const accepted = await world.done(command);
  expect(accepted.stdout).toMatch(new RegExp(`^✔ ${urn}: ${FINGERPRINT} → ${own}\\n$`));
  expect(accepted.stderr).toContain('the renewer signs with the new one once it trusts that version');
  expect(accepted.stderr).toContain('Then: bulla trust retire renewer');
  expect(await listed([...old, ...fresh], 'active')).toHaveLength(4);
}

/** Has the renewer say what is the newest, by one of some keys. */
async function say({ home, urn }: Renewal, keys: KeyFile['keys']): Promise<void> {
  // Of two words of one second the vault keeps the first.
  await pause(1_000 - (Date.now() % 1_000));
  const { stdout } = await world.done(['trust', 'renew'], { home });
  expect(stdout).toMatch(ROUND);
  expect(keys.map(({ kid }) => kid)).toContain(await saidBy(urn));
}

const retire = ({ service }: Renewal) => world.bulla(['trust', 'retire', service, '--yes']);

/** Ends the old keys, and looks at what holds then. */
async function end(renewal: Renewal): Promise<void> {
  const { urn, old, fresh, service } = renewal;
  const names = old.map(({ kid }) => fingerprint(kid)).join(', ');
  expect(await retire(renewal)).toMatchObject({ code: 0, stdout: `✔ retired: ${names} of ${urn}\n` });
  await say(renewal, fresh);
  expect(await listed(fresh, 'active')).toHaveLength(2);
  expect(await listed(old, 'deactivated')).toHaveLength(2);
  // A label is confirmed only by a word that counts now.
  const confirmed = await world.bulla(['prompt', 'confirm', 'claims/triage@production']);
  expect(confirmed).toMatchObject({ code: 2, stderr: expect.stringContaining('Sort this claim.') });
  expect((await world.done(['doctor'])).stdout).toMatch(/^✔ freshness /m);
  const again = await world.done(['trust', 'retire', service]);
  expect(again.stdout).toBe(`nothing to retire: ${urn} has no older keys\n`);
}

describe('new keys of a renewer', () => {
  it('are listed beside the old ones, speak, and end them, while every question is answered [guard: retire-renewer]', async () => {
    const stop = keepAsking(world, ASK, 'Water.');
    const renewal = await begin(world.path('home'), 'renewer');
    await accept(renewal, renewal.next);
    const early = await retire(renewal);
    expect(early).toMatchObject({ code: 2, stdout: '' });
    expect(early.stderr).toContain(`${renewal.urn} has said nothing of this directory yet: put the file`);
    // Freshness goes on by the old ones, and nobody ends them meanwhile.
    await say(renewal, renewal.old);
    expect((await retire(renewal)).stderr).toMatch(new RegExp(`${renewal.urn} still signs with ${FINGERPRINT}: put`));
    await rename(renewal.next, renewal.file);
    await say(renewal, renewal.fresh);
    await end(renewal);
    const { answered, failed } = await stop();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    process.stdout.write(`keys of the renewer: ${answered} runs meanwhile, ${failed.length} failed\n`);
  }, 120_000);

  it('lie ready where their file comes before the directory that lists them, of a renewer elsewhere, too', async () => {
    const stop = keepAsking(world, ASK, 'Water.');
    const home = world.path('second');
    await letIn(home);
    const { urn } = await keysIn(join(home, 'services/renewer.keys.json'));
    const several = await world.bulla(['trust', 'retire', 'renewer']);
    expect(several).toMatchObject({ code: 2, stderr: expect.stringContaining('there are several renewers') });
    const renewal = await begin(home, urn);
    await rename(renewal.next, renewal.file);
    // Requests and words are signed with keys that the directory lists.
    await say(renewal, renewal.old);
    await accept(renewal, renewal.file);
    await say(renewal, renewal.fresh);
    await end(renewal);
    const { answered, failed } = await stop();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    process.stdout.write(`keys of a second renewer: ${answered} runs meanwhile, ${failed.length} failed\n`);
    // One that has left is no renewer any more.
    await world.done(['device', 'revoke', urn.split(':').at(-1) ?? '', '--yes']);
    expect((await world.done(['trust', 'retire', 'renewer'])).stdout).toMatch(/^nothing to retire: /);
  }, 120_000);

  it('are made anew as a whole where the old ones are gone, one for requests and one for words', async () => {
    const file = world.path('whole.json');
    await world.done(['keys', 'generate', file, '--like', join(world.path('home'), 'services/renewer.keys.json')]);
    expect((await keysIn(file)).keys.map(({ pur }) => pur)).toEqual([['http'], ['fresh']]);
  });

  it('are not made for the device of a person', async () => {
    const like = join(world.path('home'), 'identity.json');
    const ended = await world.bulla(['keys', 'generate', world.path('no.json'), '--like', like, '--signing']);
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('neither a vault nor a responder nor a renewer'),
    });
  });

  it('have their steps shown, with their commands', async () => {
    const { stdout, stderr } = await world.done(['keys', 'rotate', 'renewer']);
    expect(stdout.split('\n')[0]).toBe('1. bulla keys generate renewer.new.json --like renewer.keys.json --signing');
    expect(stdout).toContain('5. bulla trust retire renewer\n');
    expect(stderr).toMatch(/^urn:bulla:dev:dev:dev_\w+ never stops in all this/);
    expect((await world.done(['keys', 'status'])).stdout).toContain('bulla keys rotate renewer');
  });

  it('belong to a renewer that is listed', async () => {
    expect(await world.bulla(['trust', 'retire', 'urn:bulla:dev:dev:dev_00000000000000000000000000'])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('the directory lists no such vault, responder or renewer'),
    });
  });
});
