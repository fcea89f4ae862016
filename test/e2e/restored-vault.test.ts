import { connectDatabase, EventLog } from '@bulla/service-kit';
import type { Database } from '@bulla/service-kit';
import { databaseForTest, freePorts } from '@bulla/testkit';
import type { VaultTables } from '@bulla/vault';
import { vaultMigrations } from '@bulla/vault';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Ended, Running } from '../../packages/cli/test/world.js';
import { World } from '../../packages/cli/test/world.js';
import { backUp, restore } from '../../services/vault/test/restoring.js';

const server = await databaseForTest({ empty: true });
const withServer = server.url === undefined ? describe.skip : describe;
afterAll(() => server.drop());

/** The services look at their table again within half a second. */
const NOTICED_MS = 1_200;

withServer('a vault that was restored from a backup', () => {
  let world: World;
  let running: Running;
  let home: string;
  let database: Database<VaultTables>;
  let drop: () => Promise<void>;
  beforeEach(async () => {
    world = await World.make();
    home = world.path('home');
    const own = await databaseForTest({ empty: true });
    drop = () => own.drop();
    const url = own.url ?? '';
    world.env['BULLA_DATABASE_URL'] = url;
    // The same addresses after the restore: others would be a change that the directory has to say.
    const [vaultPort, responderPort] = await freePorts(2);
    Object.assign(world.env, { BULLA_VAULT_PORT: String(vaultPort), BULLA_RESPONDER_PORT: String(responderPort) });
    running = await world.up('organisation');
    const log = new EventLog({ service: 'vault', level: 'silent' });
    database = connectDatabase<VaultTables>({ from: { url }, schema: 'vault', migrations: vaultMigrations, log });
    ok(await push('First.'));
  });
  afterEach(async () => {
    await running.stop();
    await database.close();
    await drop();
    await world.remove();
  });

  const ok = (ended: Ended): Ended => {
    expect(ended).toEqual({ code: 0, stdout: expect.any(String), stderr: ended.code === 0 ? expect.any(String) : '' });
    return ended;
  };
  const push = (text: string, name = 'claims/triage') =>
    world.bulla(['prompt', 'push', name, '-f', '-', '--label', 'production'], {
      stdin: `Sort this claim. ${text}\n\n{{claim}}\n`,
    });
  const run = () => world.bulla(['run', 'claims/triage', '--var', 'claim=Water.']);
  /** Both logs lack what they had signed. */
  async function beginLogs(): Promise<void> {
    expect(await push('Not yet.')).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('bulla trust renew --begin-logs'),
    });
    ok(await world.bulla(['trust', 'renew', '--begin-logs', '--yes']));
  }
  async function as(name: string, argv: readonly string[], stdin = ''): Promise<Ended> {
    world.env['BULLA_HOME'] = world.path(name);
    try {
      return await world.bulla(argv, { stdin });
    } finally {
      world.env['BULLA_HOME'] = home;
    }
  }
  const count = async (table: 'prompt_label' | 'directory_hash') =>
    (
      await database.db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .executeTakeFirstOrThrow()
    ).rows;

  it('of a home alone is handed back at its next start, and goes on', async () => {
    const backup = await backUp(database);
    ok(await push('Second.'));
    ok(await push('Another.', 'claims/another'));
    ok(
      await world.bulla([
        'policy',
        'set',
        await world.file(
          'policy.json',
          ok(await world.bulla(['policy', 'show'])).stdout.replace(/"fresh_days": \d/, '"fresh_days": 6'),
        ),
      ]),
    );
    const [moves, directories] = [await count('prompt_label'), await count('directory_hash')];
    await running.stop();
    await restore(database, backup);
    expect(await count('prompt_label')).toBeLessThan(moves);

    running = await world.up();
    expect(running.stderr.text).toMatch(
      /the database was restored from a backup\nbulla: handed back: \d versions? of the directory, 4 moves of 4 labels\n/,
    );
    expect([await count('prompt_label'), await count('directory_hash')]).toEqual([moves, directories]);
    await beginLogs();
    // Nothing but the content is lost.
    expect(await run()).toMatchObject({ code: 6 });
    expect(ok(await push('Third.')).stdout).toContain('v3');
    ok(await run());
    ok(await push('Again.', 'claims/another'));
  });

  it('of several people waits for all of them, and for an admin [guard: home-alone] [guard: cli-restored-unseen]', async () => {
    ok(await push('Second.'));
    const backup = await backUp(database);
    // What the backup lacks: who came in, what they moved and what the owner moved.
    const invited = ok(
      await world.bulla([
        'device',
        'invite',
        '--label',
        'erin',
        '--role',
        'author',
        '--role',
        'invoker',
        '--group',
        'grp:authors',
      ]),
    );
    ok(await as('erin', ['device', 'enrol'], invited.stdout));
    ok(await world.bulla(['device', 'approve']));
    ok(await as('erin', ['device', 'enrol']));
    const memory = await readFile(join(home, 'services/renewer.trust.json'));
    const erins = ['prompt', 'push', 'claims/triage', '-f', '-', '--label', 'production'];
    ok(await as('erin', erins, "Erin's.\n\n{{claim}}\n"));
    ok(await push('Third.', 'claims/another'));
    const [moves, directories] = [await count('prompt_label'), await count('directory_hash')];
    await running.stop();
    // The disk of the renewer went with the database: nobody but Erin knows what she moved.
    await writeFile(join(home, 'services/renewer.trust.json'), memory);
    await restore(database, backup);

    // The home hands back what it keeps, and leaves it to an admin whether that is all.
    running = await world.up();
    expect(running.stderr.text).toContain('others may remember more');
    expect(await count('directory_hash')).toBe(directories);
    const refused = await push('Fourth.');
    expect(refused).toMatchObject({ code: 9, stderr: expect.stringContaining('bulla trust hand-back') });
    expect(await world.bulla(['trust', 'renew', '--begin-logs', '--yes'])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/\(vault_restored\)[^]*bulla trust hand-back/),
    });
    expect(await as('erin', ['trust', 'hand-back'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('claims/triage@production  move 3 is remembered; the vault shows move 2'),
    });
    expect(ok(await as('erin', ['trust', 'hand-back', '--yes'])).stdout).toBe(
      '✔ handed back: 0 versions of the directory, 2 moves of 2 labels\n',
    );
    expect(ok(await as('erin', ['trust', 'hand-back'])).stderr).toContain('remembers nothing that the vault lacks');
    expect(await count('prompt_label')).toBe(moves);
    expect(await world.bulla(['trust', 'resume'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the vault still waits'),
    });
    expect(await as('erin', ['trust', 'resume', '--yes'])).toMatchObject({ code: 5 });
    expect(ok(await world.bulla(['trust', 'resume', '--yes'])).stdout).toMatch(
      /^✔ the vault goes on from directory version \d+\n$/,
    );
    expect(ok(await world.bulla(['trust', 'resume'])).stderr).toContain('goes on already');
    await beginLogs();
    expect(await run()).toMatchObject({ code: 6 });
    ok(await push('Fourth.'));
    ok(await run());
  });

  it('that goes on running is handed back by whoever was let in since, and by the renewer', async () => {
    const backup = await backUp(database);
    ok(await push('Second.'));
    const invited = ok(await world.bulla(['device', 'invite', '--label', 'erin', '--role', 'invoker']));
    ok(await as('erin', ['device', 'enrol'], invited.stdout));
    ok(await world.bulla(['device', 'approve']));
    ok(await as('erin', ['device', 'enrol']));
    ok(await world.bulla(['trust', 'renew']));
    const directories = await count('directory_hash');
    await restore(database, backup);
    await pause(NOTICED_MS);
    expect((await world.bulla(['trust', 'show'])).stderr).toMatch(/trust_rollback.*\n.*bulla trust hand-back/);
    expect((await world.bulla(['trust', 'resume', '--yes'])).stderr).toContain('first: bulla trust hand-back');
    // Erin, whom this vault does not know, brings what lists her.
    expect(ok(await as('erin', ['trust', 'hand-back', '--yes'])).stdout).toMatch(
      /^✔ handed back: \d versions? of the directory, 0 moves of 0 labels\n$/,
    );
    expect(await count('directory_hash')).toBe(directories);
    await pause(NOTICED_MS);
    // It hands back, and vouches for nothing while the log is lost.
    expect(await world.bulla(['trust', 'renew'])).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('bulla trust renew --begin-logs'),
    });
    expect(ok(await world.bulla(['trust', 'hand-back'])).stderr).toContain('remembers nothing that the vault lacks');
    ok(await world.bulla(['trust', 'resume', '--yes']));
    // What this process told callers in the last moments is in no log any more: a person starts it anew.
    await running.stop();
    running = await world.up();
    await beginLogs();
    ok(await push('Third.'));
    ok(await run());
  });
});
