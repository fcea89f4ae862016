import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isLongRun } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type Ended, portSettings, prepareHome, type RunningBulla, startBulla } from '../bulla-process.js';
import { findFaketime, ShiftedClock } from './shifted-clock.js';

// An organisation whose people are all away for 60 days: nobody signs a document or a label, and the keys for documents
// are not there. Whole processes, services and embedded database and commands, live by a clock that is moved on.

const library = findFaketime();
const withClock = library === undefined ? describe.skip : describe;
const ABSENT = ['root.key', 'policy.key', 'directory.key'];
/** Days after the last signature of a person on which it is looked whether everything runs. */
const DAYS = isLongRun() ? Array.from({ length: 60 }, (_, day) => day + 1) : [30, 60];

const folder = await mkdtemp(join(tmpdir(), 'bulla-sixty-days-'));
const home = join(folder, 'home');
const clock = new ShiftedClock(library ?? '', folder);
let settings: Record<string, string>;
let running: RunningBulla | undefined;

const run = (): Promise<Ended> => bulla(['run', 'demo/claim-triage@demo', '--var', 'claim=Water came in.'], settings);
const isAnswered = async () => {
  const { status, stderr } = await run();
  return status === 0 ? 'answered' : stderr;
};

/**
 * Moves the clock on to so many days after the start, and waits until the vault says so: the Date of its answers, with which
 * a renewal compares this machine's clock, is up to a second old.
 */
async function shiftTo(days: number): Promise<void> {
  clock.shift(`+${days}d`);
  const url = `http://127.0.0.1:${settings['BULLA_VAULT_PORT']}/health/live`;
  const said = async () => Date.parse((await fetch(url)).headers.get('date') ?? '') - Date.now();
  while ((await said()) < (days - 0.5) * 86_400_000) await setTimeout(100);
}

withClock('an organisation whose people are away', () => {
  beforeAll(async () => {
    await prepareHome(home);
    settings = { BULLA_HOME: home, ...(await portSettings()), ...clock.environment };
    running = await startBulla(settings);
    const { status, stderr } = await bulla(['demo'], settings);
    if (status !== 0) throw new Error(stderr);
    await running.stop();
    for (const key of ABSENT) await rm(join(home, 'org/dev', key));
    running = await startBulla(settings);
  }, 300_000);
  afterAll(async () => {
    await running?.stop();
    await rm(folder, { recursive: true });
  });

  it('keeps running for 60 days by one renewer, round by round', async () => {
    for (const day of DAYS) {
      await shiftTo(day);
      const renewed = await bulla(['trust', 'renew'], settings);
      expect({ day, ...renewed }).toMatchObject({ day, status: 0, stdout: expect.stringContaining('are the newest') });
      expect({ day, run: await isAnswered() }).toEqual({ day, run: 'answered' });
    }
  }, 900_000);

  it('and stops a week after the renewer did, with words that name it', async () => {
    const last = DAYS.at(-1) ?? 0;
    await shiftTo(last + 6);
    expect(await isAnswered()).toBe('answered');
    await shiftTo(last + 8);
    expect(await isAnswered()).toMatch(/the service renew/);
    // It begins again where it was, as soon as the renewer is back.
    expect(await bulla(['trust', 'renew'], settings)).toMatchObject({ status: 0 });
    expect(await isAnswered()).toBe('answered');
  }, 300_000);
});
