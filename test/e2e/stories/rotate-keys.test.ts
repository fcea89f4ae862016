import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '@bulla/contract';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { succeed } from './second-person.js';

// Keys at rest are replaced while managed prompts are run and pushed all the time, by the commands that people use.

type Settings = Readonly<Record<string, string>>;
interface Standing {
  readonly root: readonly { readonly kid: string; readonly state: string; readonly objects: number }[];
  readonly kek: readonly { readonly version: number; readonly state: string }[];
}

const database = await databaseForTest();
const stores = [...(database.url === undefined ? [] : ['PostgreSQL' as const]), 'the embedded database' as const];
afterAll(() => database.drop());

describe.each(stores)('on %s', (store) => {
  let folder: string;
  let owner: Settings & { readonly BULLA_HOME: string };
  let running: RunningCommand;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-rotating-'));
    const server = store === 'PostgreSQL' && database.url !== undefined ? { BULLA_DATABASE_URL: database.url } : {};
    owner = { BULLA_HOME: join(folder, 'home'), ...server };
    running = await startUp(owner);
    const policy = JSON.parse((await succeed(['policy', 'show'], owner)).stdout) as object;
    const managed = { ...policy, custody: { '*': 'sealed', 'open/': 'managed' } };
    await writeFile(join(folder, 'policy.json'), JSON.stringify(managed));
    await succeed(['policy', 'set', join(folder, 'policy.json'), '--yes'], owner);
    for (const name of ['open/triage', 'open/one', 'open/two']) await push(owner, name);
  });
  afterAll(async () => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const result = async <Shape>(...args: string[]) =>
    JSON.parse((await succeed([...args, '--json'], owner)).stdout) as Shape;
  const standing = () => result<Standing>('keys', 'status');

  it('root key and KEK are replaced, and no run and no push fails', async () => {
    const work = new Work(owner);
    expect((await standing()).kek).toMatchObject([{ version: 1, state: 'active' }]);
    const kek = await result<Job>('keys', 'rotate', 'kek', '--wait');
    expect(kek).toMatchObject({ state: 'done', target: 'kek:dev:2' });
    expect(kek.done).toBeGreaterThanOrEqual(3);
    const path = join(owner.BULLA_HOME, 'vault-root-next.key');
    const staged = await result<{ setting: string }>('keys', 'generate', '--root', path);
    const early = await bulla(['keys', 'rotate', 'root', '--new', 'file:/etc/hostname'], owner);
    expect([early.status, early.stderr]).toEqual([2, expect.stringContaining('BULLA_ROOT_KEY_NEXT')]);
    while (!(await standing()).root.some(({ state }) => state === 'pre-active')) await pause(200);
    const root = await result<Job>('keys', 'rotate', 'root', '--new', staged.setting, '--wait');
    expect(root).toMatchObject({ state: 'done', done: 2 });
    const [next, before] = (await standing()).root;
    expect([next, before]).toMatchObject([
      { kid: root.target, state: 'active', objects: 2 },
      { state: 'deactivated', objects: 0 },
    ]);
    expect(await result<Job>('keys', 'rotate', 'kek', '--wait')).toMatchObject({ state: 'done' });
    await work.end();
    const { runs, pushes, failures } = work;
    process.stdout.write(
      `${store}: ${runs} runs and ${pushes} pushes while root key and KEKs were replaced, ${failures.length} failed\n`,
    );
    expect(failures).toEqual([]);
    expect(Math.min(runs, pushes)).toBeGreaterThan(2);
  }, 120_000);

  it('the old root key can be taken away then, and alone it starts nothing', async () => {
    await running.stop();
    const [current, next] = ['vault-root.key', 'vault-root-next.key'].map((name) => join(owner.BULLA_HOME, name)) as [
      string,
      string,
    ];
    await rename(next, `${next}.away`);
    const refused = await startUp(owner).catch((error: unknown) => error);
    expect(String(refused)).toMatch(
      /BULLA_ROOT_KEY: this database is under root:file:[0-9a-f]{16}, and what is named here/,
    );
    await rename(current, `${current}.old`);
    await rename(`${next}.away`, current);
    running = await startUp(owner);
    expect((await standing()).root[0]).toMatchObject({ state: 'active', objects: expect.any(Number) });
    await succeed(RUN, owner);
  }, 60_000);
});

const RUN = ['run', 'open/triage', '--var', 'claim=x', '--label', 'latest'];

const push = (settings: Settings, name: string) =>
  succeed(['prompt', 'push', name, '-f', '-'], settings, `Sort this claim.\n\n{{claim}} ${randomUUID()}\n`);

/** One person runs a managed prompt and another pushes versions of others, until they are told to stop. */
class Work {
  runs = 0;
  pushes = 0;
  readonly failures: string[] = [];
  #isOver = false;
  readonly #all: Promise<unknown>;

  constructor(settings: Settings) {
    this.#all = Promise.all([
      this.#go(() => succeed(RUN, settings).then(() => void (this.runs += 1))),
      this.#go(() => push(settings, `open/${randomUUID()}`).then(() => void (this.pushes += 1))),
    ]);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#all;
  }

  async #go(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver) await work().catch((error: unknown) => this.failures.push(String(error)));
  }
}
