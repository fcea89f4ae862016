import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithRedis, startRedis, type TestRedis } from '../../../packages/service-kit/test/redis-server.js';
import { bulla } from '../../bulla-command.js';
import { type RunningBulla, startBulla } from '../../bulla-process.js';
import { letIn, succeed } from './second-person.js';

// A responder gets a new encryption key while people ask, and one of them leaves.

const database = await databaseForTest();
const withServer = database.url === undefined ? describe.skip : describeWithRedis;
afterAll(() => database.drop());

withServer('on PostgreSQL and Redis', () => {
  type Settings = Readonly<Record<string, string>>;
  let folder: string;
  let redis: TestRedis;
  let running: RunningBulla;
  let alice: Settings;
  let bob: Settings;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-s7-s8-'));
    redis = await startRedis();
    alice = {
      BULLA_HOME: join(folder, 'alice'),
      BULLA_DATABASE_URL: database.url ?? '',
      BULLA_REDIS_URL: redis.url,
    };
    running = await startBulla(alice);
    await writeFile(join(folder, 'triage.md'), 'Sort this claim.\n\n{{claim}}\n');
    const rights = ['--role', 'author', '--role', 'invoker', '--group', 'grp:authors', '--group', 'grp:members'];
    bob = await letIn(folder, alice, 'bob', ...rights);
    for (const name of ['claims/triage', 'claims/letters']) await push(alice, name);
  });
  afterAll(async () => {
    await running.stop();
    await redis.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const say = (line: string) => process.stdout.write(`${line}\n`);
  const push = (by: Settings, name: string, ...options: string[]) =>
    succeed(['prompt', 'push', name, '-f', join(folder, 'triage.md'), '--label', 'production', ...options], by);
  const ask = (by: Settings, name = 'claims/triage') => bulla(['run', name, '--var', 'claim=Water.'], by);

  it('a new encryption key of the responder comes, takes over and is the only one, and no run fails', async () => {
    const over = new AbortController();
    const failed: string[] = [];
    let answered = 0;
    const asking = (async () => {
      while (!over.signal.aborted) {
        const { status, stdout, stderr } = await ask(bob);
        if (status === 0 && stdout.includes('Water.')) answered += 1;
        else failed.push(stderr);
      }
    })();
    const keys = join(folder, 'alice/services/responder.keys.json');
    const file = join(folder, 'responder.new.json');
    await succeed(['keys', 'generate', file, '--like', keys, '--encryption'], alice);
    const shown = await succeed(['keys', 'public', file], alice);
    const [, fingerprint = ''] = /^fingerprint (\S+)$/m.exec(shown.stderr) ?? [];
    await rename(file, keys);
    // It looks every two seconds whether its file is another.
    await pause(4_000);
    await writeFile(join(folder, 'responder.public'), shown.stdout);
    const accept = ['trust', 'accept', '--fingerprint', fingerprint, '--keys', join(folder, 'responder.public')];
    expect((await succeed(accept, alice)).stderr).toContain('The responder moves the prompts that are there');
    let tries = 0;
    for (;;) {
      tries += 1;
      const retired = await bulla(['trust', 'retire', '--yes'], alice);
      if (retired.status === 0) break;
      expect(retired.stderr).toContain('would not run any more');
      await pause(500);
    }
    for (const name of ['claims/triage', 'claims/letters']) expect((await ask(alice, name)).status).toBe(0);
    over.abort();
    await asking;
    say(
      `encryption key of the responder: ${answered} runs meanwhile, ${failed.length} failed; retired at try ${tries}`,
    );
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(0);
  }, 120_000);

  it('who leaves is refused at once, what they could read is told, and the next version has a key that they never get', async () => {
    const revoking = await bulla(['device', 'revoke', 'bob', '--yes', '--json'], alice);
    const told = JSON.parse(revoking.stdout) as {
      readable: { name: string; version: number }[];
      readable_now: string[];
    };
    expect(revoking.stderr).toContain('bulla prompt push NAME -f FILE --new-key   (claims/letters, claims/triage)');
    expect(told.readable.map(({ name, version }) => `${name}@${version}`)).toEqual([
      'claims/letters@1',
      'claims/triage@1',
    ]);
    expect(told.readable_now).toEqual(['claims/letters', 'claims/triage']);
    const begun = performance.now();
    const refused = await bulla(['prompt', 'list'], bob);
    expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining('revokes this device')]);
    say(`a leaver is refused ${Math.round(performance.now() - begun)} ms after the directory was signed`);

    const pushed = JSON.parse((await push(alice, 'claims/triage', '--new-key', '--json')).stdout) as Record<
      string,
      unknown
    >;
    expect(pushed).toMatchObject({ version: 2, changed: true });
    expect(JSON.stringify(pushed['recipients'])).not.toContain('bob');
    expect((await ask(alice)).stdout).toContain('Water.');
    for (const argv of [
      ['prompt', 'pull', 'claims/triage', '--version', '2'],
      ['run', 'claims/triage', '--var', 'claim=x'],
    ])
      expect((await bulla(argv, bob)).status).toBe(4);
    // Who looks what it could read is told of the version before only.
    const again = await bulla(['prompt', 'push', 'claims/triage', '-f', join(folder, 'triage.md'), '--json'], alice);
    expect(JSON.parse(again.stdout)).toMatchObject({ version: 2, changed: false });
  }, 60_000);
});
