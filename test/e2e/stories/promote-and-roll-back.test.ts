import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { letIn, personOf, sign, succeed, WAITS } from './second-person.js';

// A protected label moves when two people have signed, and goes back in the same way.

type Settings = Readonly<Record<string, string>>;

const database = await databaseForTest();
const withServer = database.url === undefined ? describe.skip : describe;
afterAll(() => database.drop());

let folder: string;
let running: RunningCommand | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s3-'));
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** The organisation wants two people of `grp:authors` to move `production`. */
async function protectProduction(owner: Settings): Promise<void> {
  const policy = JSON.parse((await succeed(['policy', 'show'], owner)).stdout) as Record<string, unknown>;
  const file = join(folder, 'policy.json');
  await writeFile(
    file,
    JSON.stringify({ ...policy, labels: { production: { groups: ['grp:authors'], threshold: 2 } } }),
  );
  const set = await succeed(['policy', 'set', file, '--yes'], owner);
  expect(set.stdout).toMatch(/^policy version 2, named by directory version \d+\n$/);
}

async function push(author: Settings, text: string): Promise<void> {
  const file = join(folder, 'triage.md');
  await writeFile(file, `${text}\n\n{{claim}}\n`);
  await succeed(['prompt', 'push', 'claims/triage', '-f', file, '--label', 'staging'], author);
}

/** Which version the application gets that asks for `production`; the answer proves that two people put it there. */
async function versionRun(by: Settings): Promise<number> {
  const { stdout } = await succeed(['run', 'claims/triage', '--var', 'claim=Water.', '--json'], by);
  const verified = await succeed(['verify', '-'], by, stdout);
  expect(verified.stdout).toMatch(/bore the label production; 2 signed it\n/);
  return (JSON.parse(stdout) as { prompt: { version: number } }).prompt.version;
}

const APPROVAL =
  /^⏸ label "production" is protected: 1 of 2 approvals \(you\)\. Ask someone to run: bulla approve yes (apr_\w{26})\n$/;
const approvalIn = (said: string): string => APPROVAL.exec(said)?.[1] ?? `no approval in: ${said}`;

async function story(alice: Settings): Promise<{ alice: string; bob: string }> {
  running = await startUp(alice);
  await protectProduction(alice);
  const { urn, directory } = await listed(alice);
  const bob = await letIn(
    folder,
    alice,
    'bob',
    '--role',
    'author',
    '--role',
    'invoker',
    '--group',
    'grp:authors',
    '--group',
    'grp:members',
  );
  const laptop = await letIn(
    folder,
    alice,
    'laptop',
    '--role',
    'author',
    '--group',
    'grp:authors',
    '--group',
    'grp:members',
    '--user',
    personOf(directory, urn),
  );
  await push(alice, 'Sort this claim.');
  await push(alice, 'Sort this claim; water comes first.');

  const begun = await sign(['prompt', 'promote', 'claims/triage', '1', '--label', 'production'], alice, WAITS);
  const first = approvalIn(begun.stdout);
  const early = await bulla(['run', 'claims/triage', '--var', 'claim=Water.'], bob);
  expect([early.status, early.stderr]).toEqual([6, expect.stringContaining('label_not_found')]);

  // One person with two devices is one person.
  const same = await bulla(['approve', 'yes', first], laptop);
  expect([same.status, same.stderr]).toEqual([5, expect.stringContaining('one person counts once')]);
  const again = await sign(['prompt', 'promote', 'claims/triage', '1', '--label', 'production'], laptop, WAITS);
  expect(again.stdout).toContain('1 of 2 approvals');

  const waiting = await succeed(['approve', 'list'], bob);
  expect(waiting.stdout).toMatch(new RegExp(`^ID .*\n${first} +claims/triage +production +v1 +1 of 2 `));
  const shown = await succeed(['approve', 'show', first], bob);
  expect(shown.stdout).toMatch(/label +production, move 1\nto +v1\ncontent +sha256:[\w-]{43}\n/);
  expect(shown.stdout).toContain('\nclaims/triage  production: → v1  (move 1)\n');
  const exactly = /sign exactly this: bulla (.*)\n/.exec(shown.stderr)?.[1]?.split(' ') ?? [];
  const another = await bulla([...exactly.slice(0, 4), 'staging', ...exactly.slice(5)], bob);
  expect([another.status, another.stderr]).toEqual([10, expect.stringContaining('another label than you named')]);
  const approved = await succeed(exactly, bob);
  expect(approved.stdout).toBe('claims/triage  production → v1  (move 1)\n');
  expect(await versionRun(bob)).toBe(1);

  const second = approvalIn(
    (await sign(['prompt', 'promote', 'claims/triage', '2', '--label', 'production'], bob, WAITS)).stdout,
  );
  expect((await sign(['approve', 'yes', second], alice)).stdout).toBe('claims/triage  production → v2  (move 2)\n');
  expect(await versionRun(bob)).toBe(2);

  const dropped = approvalIn((await sign(['prompt', 'rollback', 'claims/triage'], alice, WAITS)).stdout);
  expect((await succeed(['approve', 'no', dropped], bob)).stdout).toBe(`${dropped}  dropped\n`);
  const late = await bulla(['approve', 'yes', dropped], bob);
  expect([late.status, late.stderr]).toEqual([3, expect.stringContaining('label_stale')]);
  expect(await versionRun(bob)).toBe(2);

  const back = approvalIn((await sign(['prompt', 'rollback', 'claims/triage'], alice, WAITS)).stdout);
  expect((await sign(['approve', 'yes', back], bob)).stdout).toBe('claims/triage  production → v1  (move 3)\n');
  expect(await versionRun(bob)).toBe(1);
  expect((await succeed(['approve', 'list'], bob)).stdout).toBe('');
  return { alice: first, bob: back };
}

/** The directory, and the one device that it lists. */
async function listed(by: Settings): Promise<{ urn: string; directory: unknown }> {
  const { directory } = JSON.parse((await succeed(['trust', 'show', '--json'], by)).stdout) as {
    directory: { entities: Record<string, { kind: string }> };
  };
  const [urn = ''] = Object.entries(directory.entities).flatMap(([name, { kind }]) =>
    kind === 'device' ? [name] : [],
  );
  return { urn, directory };
}

it('two people move a protected label and move it back, on the embedded database', async () => {
  const approvals = await story({ BULLA_HOME: join(folder, 'alice') });
  expect(approvals.alice).not.toBe(approvals.bob);
}, 240_000);

withServer('on PostgreSQL', () => {
  it('the audit log says of each move who signed it', async () => {
    const approvals = await story({ BULLA_HOME: join(folder, 'alice'), BULLA_DATABASE_URL: database.url ?? '' });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      const { rows } = await client.query<{ act: string; kid: string; moved: string | null }>(
        `select event->>'act' as act, event->'who'->>'kid' as kid, event->'obj'->>'moved' as moved
           from vault.audit_event where event->'obj'->>'approval' = $1 and event->>'res' = 'ok'
            and event->>'act' in ('label.move', 'approval.give') order by at`,
        [approvals.bob],
      );
      expect(rows.map(({ act, moved }) => [act, moved])).toEqual([
        ['label.move', null],
        ['approval.give', 'true'],
      ]);
      expect(new Set(rows.map(({ kid }) => kid)).size).toBe(2);
    } finally {
      await client.end();
    }
  }, 240_000);
});
