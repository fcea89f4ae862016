import { existsSync, readFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Ended, Running } from './world.js';
import { World } from './world.js';

const MEMORY = 'services/renewer.trust.json';
const MARK = 'services/renewer.round';
const PLACE = 'claims/triage@production';
const ROUND = /^directory version \d+ and 2 labels are the newest\n$/;

let world: World;
let running: Running;
let home: string;
/** What is there and said right after the first start, before another renewer comes in. */
let first: { marked: boolean; doctor: Ended; trust: Ended; trustJson: Ended; devices: Ended };
beforeAll(async () => {
  world = await World.make();
  home = world.path('home');
  running = await world.up('organisation');
  first = {
    marked: existsSync(`${home}/${MARK}`),
    doctor: await world.bulla(['doctor']),
    trust: await world.bulla(['trust', 'show']),
    trustJson: await world.bulla(['trust', 'show', '--json']),
    devices: await world.bulla(['device', 'list']),
  };
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

/** A command in another home folder. */
const as = (name: string, argv: readonly string[], stdin = '', atTerminal = false): Promise<Ended> =>
  world.bulla(argv, { stdin, atTerminal, home: world.path(name) });

/** Starts a command in another home folder, and waits until it has said something. */
async function startAs(name: string, argv: readonly string[], part: string): Promise<Running> {
  const started = world.start(argv, world.path(name));
  await Promise.race([started.stdout.holds(part), started.stderr.holds(part), started.ended]);
  return started;
}

const ok = (ended: Ended): Ended => {
  // What it said on stderr stands in the report of a failure.
  expect(ended).toEqual({ code: 0, stdout: expect.any(String), stderr: expect.any(String) });
  return ended;
};
const push = (text = '') =>
  world.bulla(['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'], {
    stdin: `Sort this claim. ${text}\n\n{{claim}}\n`,
  });
const memoryOf = (folder: string) => JSON.stringify(JSON.parse(readFileSync(`${folder}/${MEMORY}`, 'utf8')));

describe('the renewer of a home', () => {
  it('has called the directory the newest before the services are ready, and says by doctor and trust show that it did', () => {
    expect(first.marked).toBe(true);
    expect(first.doctor.stdout).toMatch(/^✔ freshness +until \S+, by dev dev_\w+ within the hour$/m);
    expect(ok(first.trust).stdout).toMatch(/^fresh +until \S+, by dev dev_\w+$/m);
    const shown = JSON.parse(ok(first.trustJson).stdout) as { fresh: object };
    expect(shown.fresh).toEqual({ until: expect.any(String), by: [expect.stringMatching(/^urn:bulla:dev:dev:dev_/)] });
    expect(ok(first.devices).stdout).toMatch(/ renewer +active /);
  });

  it('says by trust renew what is the newest, and signs no label again', async () => {
    ok(await push());
    const renewed = ok(await world.bulla(['trust', 'renew']));
    expect(renewed.stdout).toMatch(ROUND);
    expect(memoryOf(home)).toContain('"label":"production"');
  });

  it('ends with a round, so that the next start knows all that was done', async () => {
    ok(await push('Once more.'));
    const before = memoryOf(home);
    await running.stop();
    expect(memoryOf(home)).not.toBe(before);
    running = await world.up();
    expect(running.stderr.text).not.toContain('renewer:');
  });

  it('signs nothing without its memory, says so, and lets the services run', async () => {
    await running.stop();
    const memory = readFileSync(`${home}/${MEMORY}`, 'utf8');
    await rm(`${home}/${MEMORY}`);
    running = await world.up();
    expect(running.stderr.text).toMatch(/error: renewer: .*remembers nothing.*check renewer-memory/);
    expect(existsSync(`${home}/${MARK}`)).toBe(false);
    expect(ok(await world.bulla(['trust', 'renew'])).stderr).toContain('runs elsewhere, or has lost its memory');
    await world.file(`home/${MEMORY}`, memory);
    await running.stop();
    running = await world.up();
  });
});

describe('a renewer that comes in', () => {
  const enrol = (stdin = '') => as('renew', ['device', 'enrol', '--renewer'], stdin);
  const adopt = (...options: string[]) => as('renew', ['trust', 'renew', '--adopt', ...options]);
  let invited: Ended;
  let entered: Ended;
  beforeAll(async () => {
    ok(await push());
    ok(await world.bulla(['trust', 'renew']));
    invited = ok(await world.bulla(['device', 'invite', '--role', 'renewer', '--label', 'second renewer']));
    ok(await enrol(invited.stdout));
    ok(await world.bulla(['device', 'approve']));
    entered = ok(await enrol());
    await cp(world.path('renew'), world.path('entered'), { recursive: true });
  });
  /** Each test begins with what it has once it is let in: nobody has adopted anything. */
  beforeEach(async () => {
    await rm(world.path('renew'), { recursive: true });
    await cp(world.path('entered'), world.path('renew'), { recursive: true });
  });
  /** The options that adopt what is shown. */
  const seen = async () => {
    const [, content = ''] = /--yes --expect (sha256:[\w-]{43})/.exec((await adopt()).stderr) ?? [];
    return ['--yes', '--expect', content];
  };

  it.each([
    ['another role', ['--role', 'renewer', '--role', 'invoker']],
    ['a group', ['--role', 'renewer', '--group', 'grp:authors']],
    ['a person who is here', ['--role', 'renewer', '--user', 'usr_01m88efhmge308xg5b2fegtbb0']],
  ])('has not %s [guard: cli-renewer-alone]', async (_name, options) => {
    const ended = await world.bulla(['device', 'invite', '--label', 'x', ...options]);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('a renewer has no other role') });
  });

  it('makes keys of its own, and says nothing until somebody adopted', async () => {
    expect(invited.stderr).toContain('bulla device enrol --renewer --wait');
    expect(entered.stderr).toContain('bulla trust renew --adopt');
    expect(existsSync(world.path('renew/identity.json'))).toBe(false);
    expect(existsSync(world.path(`renew/${MEMORY}`))).toBe(false);
    const refused = await as('renew', ['trust', 'renew']);
    expect(refused).toMatchObject({ code: 10, stdout: '', stderr: expect.stringContaining('check renewer-memory') });
  });

  it('adopts what somebody was shown [guard: cli-adopt-unseen]', async () => {
    const unseen = await adopt('--yes');
    expect(unseen).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('nothing was adopted') });
    expect(unseen.stderr).toMatch(/^directory version \d+, issued .*; nothing is remembered$/m);
    expect(unseen.stderr).toMatch(/^claims\/triage@production {2}move \d: v\d sha256:[\w-]{43}$/m);
    expect(unseen.stderr).toMatch(/^ {2}signed by dev dev_\w+ on 20\d\d-\d\d-\d\d$/m);
    expect(unseen.stderr).toMatch(/^ {2}renewer dev dev_\w+ on 20\d\d-\d\d-\d\d: it is the newest$/m);
    expect(existsSync(world.path(`renew/${MEMORY}`))).toBe(false);
  });

  it('adopts nothing else than what was named [guard: cli-adopt-expect]', async () => {
    const wrong = await adopt('--yes', '--expect', `sha256:${'A'.repeat(43)}`);
    expect(wrong).toMatchObject({ code: 10, stdout: '', stderr: expect.stringContaining('check expect') });
    const adopted = ok(await adopt(...(await seen())));
    expect(adopted.stdout).toMatch(/^✔ adopted: directory version \d+ and 2 labels\n$/);
    expect(ok(await as('renew', ['trust', 'renew'])).stdout).toMatch(ROUND);
  });

  it('asks at a terminal, and adopts nothing without a yes', async () => {
    ok(await adopt(...(await seen())));
    const ask = (answer: string) => as('renew', ['trust', 'renew', '--adopt', '-q'], `${answer}\n`, true);
    const refused = await ask('no');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing was adopted') });
    // What is decided by is shown also where no talk is wanted.
    expect(refused.stderr).toMatch(/^claims\/triage@production {2}move \d: v\d sha256:/m);
    ok(await ask('yes'));
    expect(ok(await as('renew', ['trust', 'renew'])).stdout).toMatch(ROUND);
  });

  it('goes on until it is stopped, with a line for each round', async () => {
    ok(await adopt(...(await seen())));
    const renewer = await startAs('renew', ['trust', 'renew', '--every', '1m'], 'are the newest\n');
    expect(existsSync(world.path(`renew/${MARK}`))).toBe(true);
    const doctor = await as('renew', ['doctor']);
    expect(doctor.stdout).toMatch(/^✔ renewer +its last round went well within the hour$/m);
    expect(await renewer.stop()).toBe(0);
    expect(renewer.stdout.text.split('\n').map((line) => ROUND.test(`${line}\n`))).toEqual([true, true, false]);
    expect(renewer.stderr.text).toBe('');
  });

  it('prints with --json a document in a line for each round, and one of what was adopted', async () => {
    const adopted = ok(await adopt(...(await seen()), '--json'));
    expect(JSON.parse(adopted.stdout)).toEqual({
      content: expect.stringMatching(/^sha256:/),
      directory_version: expect.any(Number),
      adopted: expect.arrayContaining([{ name: 'claims/triage', label: 'production', seq: expect.any(Number) }]),
      left: [],
    });
    const renewer = await startAs('renew', ['trust', 'renew', '--every', '1m', '--json'], '}\n');
    expect(await renewer.stop()).toBe(0);
    const round = { directory_version: expect.any(Number), labels: 2, held: [], handed_back: null };
    const [begun = '', last = '', ...rest] = renewer.stdout.text.split('\n');
    expect([JSON.parse(begun), JSON.parse(last), rest]).toEqual([round, round, ['']]);
  });

  it('survives a vault that is away, and is not healthy then', async () => {
    ok(await adopt(...(await seen())));
    // What an earlier run left.
    await world.file(`renew/${MARK}`, `${new Date().toISOString()}\n`);
    const { fetch: usual } = world;
    world.fetch = () => Promise.reject(new TypeError('fetch failed'));
    const renewer = await startAs('renew', ['trust', 'renew', '--every', '1h'], 'transport_failed');
    world.fetch = usual;
    expect(existsSync(world.path(`renew/${MARK}`))).toBe(false);
    expect((await as('renew', ['doctor'])).stdout).toMatch(/^✘ renewer +no round went well yet$/m);
    expect(await renewer.stop()).toBe(0);
    // Once, although the last round failed as well.
    expect(renewer.stderr.text.match(/^bulla: error: renewer: .* \(transport_failed\)$/gm)).toHaveLength(1);
  });

  it.each([
    ['a period that is none', ['--every', 'often'], 2, '--every: expected minutes or hours from 1m to 24h'],
    ['a period that is too long', ['--every', '25h'], 2, '--every: expected'],
    ['adopting over and over', ['--every', '1h', '--adopt'], 2, '--adopt goes without --every'],
    ['a yes to nothing', ['--yes'], 2, '--yes goes with --adopt or --begin-logs'],
  ])('takes no %s', async (_name, options, code, told) => {
    const ended = await as('renew', ['trust', 'renew', ...options]);
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(told) });
  });

  it.each(['--every=1h', '--adopt'])('is not there where its keys are not: %s', async (option) => {
    ok(
      await as(
        'plain',
        ['device', 'enrol'],
        (await world.done(['device', 'invite', '--role', 'invoker', '--label', 'plain'])).stdout,
      ),
    );
    ok(await world.bulla(['device', 'approve']));
    ok(await as('plain', ['device', 'enrol']));
    const ended = await as('plain', ['trust', 'renew', option]);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('its keys are not here') });
    await rm(world.path('plain'), { recursive: true });
  });
});

describe('a label that nobody calls the newest yet', () => {
  it('is confirmed once the renewer has seen it', async () => {
    ok(await push('And again.'));
    const confirm = (...options: string[]) => world.bulla(['prompt', 'confirm', PLACE, ...options]);
    expect(await confirm()).toMatchObject({ code: 10, stderr: expect.stringContaining('check tag-fresh') });
    ok(await world.bulla(['trust', 'renew']));
    expect(await confirm()).toMatchObject({ code: 2, stderr: expect.stringContaining('And again.') });
  });
});
