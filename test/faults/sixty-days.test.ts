import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const run = (): Promise<Ended> => bulla(['run', 'demo/claim-triage', '--var', 'claim=Water came in.'], settings);
const isAnswered = async () => {
  const { status, stderr } = await run();
  return status === 0 ? 'answered' : stderr;
};

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
      clock.shift(`+${day}d`);
      const renewed = await bulla(['trust', 'renew'], settings);
      expect({ day, ...renewed }).toMatchObject({ day, status: 0, stdout: expect.stringContaining('are the newest') });
      expect({ day, run: await isAnswered() }).toEqual({ day, run: 'answered' });
    }
  }, 900_000);

  it('and stops a week after the renewer did, with words that name it', async () => {
    const last = DAYS.at(-1) ?? 0;
    clock.shift(`+${last + 6}d`);
    expect(await isAnswered()).toBe('answered');
    clock.shift(`+${last + 8}d`);
    expect(await isAnswered()).toMatch(/the service renew/);
    // It begins again where it was, as soon as the renewer is back.
    expect(await bulla(['trust', 'renew'], settings)).toMatchObject({ status: 0 });
    expect(await isAnswered()).toBe('answered');
  }, 300_000);
});
