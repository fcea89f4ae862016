import { readdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

let world: World;
let running: Running;
let envelope: string;
let answer: string;
let bundle: string;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  const { stdout } = await world.done(['run', 'claims/triage', '--var', 'claim=Water.', '--json']);
  answer = await world.file('answer.json', stdout);
  // Each service signs what is in its log in its own time.
  await logged('envelope.issue');
  const { entry } = await logged('invocation.finish');
  const finished = await world.done(['audit', 'show', entry.obj['invocation'] ?? '', '--json']);
  const [issued] = JSON.parse(finished.stdout) as Line[];
  envelope = issued?.entry.obj['envelope'] ?? '';
  bundle = world.path('audit');
  await world.done(['audit', 'export', '--out', bundle]);
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

interface Line {
  readonly service: string;
  readonly index: number;
  readonly entry: { readonly act: string; readonly id: string; readonly obj: Readonly<Record<string, string>> };
}

async function list(...options: string[]): Promise<Line[]> {
  const { stdout } = await world.done(['audit', 'list', '--json', ...options]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** The newest entry of an act, once there is one. */
async function logged(act: string): Promise<Line> {
  for (;;) {
    const [found] = await list('--all-services', '--act', act);
    if (found !== undefined) return found;
  }
}

const acts = (lines: readonly Line[]) => new Set(lines.map(({ entry }) => entry.act));

describe('bulla audit list', () => {
  it('shows the newest first, in a table, and as records at a narrow terminal', async () => {
    const { stdout } = await world.done(['audit', 'list', '--act', 'envelope.issue']);
    expect(stdout).toMatch(/^TIME \(UTC\) +SERVICE +INDEX +ACT +WHO +RESULT +WHAT$/m);
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +vault +\d+ +envelope\.issue +this device +ok +env_/m);
    const narrow = await world.done(['audit', 'list', '--limit', '1'], { atTerminal: true, columns: 60 });
    expect(narrow.stdout).toMatch(/^ACT +\S+$/m);
  });

  it('says that the entries are the word of the services, and of exported logs that they were verified', async () => {
    const live = await world.done(['audit', 'list', '--limit', '1']);
    expect(live.stderr).toBe(
      'these entries are the word of the services: `bulla audit verify` verifies their logs\nthe newest 1; more with --limit, fewer with --since or --act\n',
    );
    const exported = await world.done(['audit', 'list', '--limit', '1', '--bundle', bundle]);
    expect(exported.stderr).not.toContain('the word of the services');
    expect(await list('--limit', '1')).toMatchObject([{ proved: false }]);
    expect(await list('--limit', '1', '--bundle', bundle)).toMatchObject([{ proved: true }]);
  });

  it('chooses by act, result, object, actor, prompt, time, service and number', async () => {
    expect(acts(await list('--act', 'label.move'))).toEqual(new Set(['label.move']));
    expect(await list('--result', 'error')).toEqual([]);
    expect(acts(await list('--object', envelope, '--all-services'))).toEqual(
      new Set(['envelope.issue', 'invocation.run']),
    );
    const identity = JSON.parse(await readFile(`${world.path('home')}/identity.json`, 'utf8')) as { urn: string };
    const own = identity.urn.split(':').at(-1) ?? '';
    expect(acts(await list('--actor', own))).toContain('envelope.issue');
    expect(acts(await list('--actor', 'vault'))).toEqual(new Set());
    expect(acts(await list('--prompt', 'claims/triage', '--all-services'))).toContain('invocation.run');
    expect(await list('--until', '1h')).toEqual([]);
    expect(acts(await list('--since', '1h', '--limit', '200'))).toContain('log.begin');
    const services = new Set((await list('--responder', 'local')).map(({ service }) => service));
    expect(services).toEqual(new Set(['urn:bulla:dev:svc:responder:local']));
    expect(await list('--limit', '2')).toHaveLength(2);
  });

  it('reads exported logs too, without a network', async () => {
    const url = { ...world.env };
    world.env['BULLA_URL'] = 'http://127.0.0.1:2';
    const all = await list('--bundle', bundle, '--all-services', '--act', 'invocation.finish');
    expect(all).toHaveLength(1);
    expect(acts(await list('--bundle', bundle, '--object', envelope))).toEqual(new Set(['envelope.issue']));
    expect(await list('--bundle', bundle, '--limit', '3')).toHaveLength(3);
    expect(await list('--bundle', bundle, '--since', '1h', '--until', '2000-01-01')).toEqual([]);
    world.env = url;
  });

  it.each([
    [['--since', 'yesterday'], '--since: expected how long ago'],
    [['--act', 'issue'], '--act: expected the name of an act'],
    [['--result', 'good'], '--result: expected one of ok, denied, error'],
    [['--object', 'claims/triage'], 'expected an id'],
    [['--object', `env_${'0'.repeat(26)}`, '--prompt', 'claims/triage'], '--prompt and --object do not go together'],
    [['--responder', 'local', '--all-services'], '--responder and --all-services do not go together'],
    [['--responder', 'moon'], 'there are no logs of moon'],
    [['--limit', '0'], '--limit: expected a number from 1'],
    [['--pin', `sha256:${'0'.repeat(64)}`], '--pin is for --bundle'],
  ])('refuses %j', async (options, message) => {
    const { code, stderr } = await world.bulla(['audit', 'list', ...options]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('finds nobody who is not there, and no names of prompts in exported logs', async () => {
    expect((await world.bulla(['audit', 'list', '--actor', 'nobody'])).code).toBe(6);
    const named = await world.bulla(['audit', 'list', '--bundle', bundle, '--prompt', 'claims/triage']);
    expect([named.code, named.stderr]).toEqual([2, expect.stringContaining('exported logs have no names of prompts')]);
  });
});

describe('bulla audit show', () => {
  it('tells the story of a permission, from the services and from exported logs', async () => {
    const { entry } = await logged('invocation.finish');
    // The clock decides how many, and the entry says it.
    const count = Number(entry.obj['frames']);
    const pieces = `${count} piece${count === 1 ? '' : 's'}`;
    for (const from of [[], ['--bundle', bundle]]) {
      const { stdout } = await world.done(['audit', 'show', envelope, ...from]);
      expect(stdout.split('\n')).toEqual([
        envelope,
        expect.stringMatching(
          / vault #\d+ +this device was allowed to run version 1 of prm_\w+ on responder local, 1 time/,
        ),
        expect.stringMatching(
          / responder local #\d+ +this device asked inv_\w+ by env_\w+; the responder opened the prompt$/,
        ),
        expect.stringMatching(
          new RegExp(
            ` responder local #\\d+ +answered inv_\\w+ to this device: stop, ${pieces}, receipt ${entry.obj['fin']}$`,
          ),
        ),
        expect.stringContaining('bulla verify answer.json --audit FOLDER'),
        '✔ each of 3 entries is in a tree that the service has signed',
        '',
      ]);
      const shown = await world.done(['audit', 'show', envelope, ...from, '--json']);
      expect(JSON.parse(shown.stdout)).toMatchObject([{ proved: true }, { proved: true }, { proved: true }]);
    }
  });

  it('tells what happened to a prompt, by its name or its id', async () => {
    const { stdout } = await world.done(['audit', 'show', 'claims/triage']);
    expect(stdout).toMatch(/this device stored version 1 of prm_\w+, sealed to 2 keys: this device, responder local$/m);
    const id = /prm_\w{26}/.exec(stdout)?.[0] ?? '';
    expect((await world.done(['audit', 'show', id])).stdout).toContain('answered inv_');
  });

  it('shows one entry, and that it is in the signed tree', async () => {
    const { stdout } = await world.done(['audit', 'show', '0', '--responder', 'local']);
    expect(stdout).toMatch(/^entry 0 of the log of responder local\n/);
    expect(stdout).toMatch(/^act +log\.begin$/m);
    expect(stdout).toMatch(/^✔ it is in the tree of \d+ entries that the service has signed$/m);
  });

  it('finds nothing that is not there', async () => {
    expect((await world.bulla(['audit', 'show', `env_${'0'.repeat(26)}`])).code).toBe(6);
    expect((await world.bulla(['audit', 'show', '999999'])).code).toBe(6);
    expect((await world.bulla(['audit', 'show', 'Not/This'])).code).toBe(2);
    expect((await world.bulla(['audit', 'show', '1', '--bundle', bundle])).code).toBe(2);
    expect((await world.bulla(['audit', 'show', envelope, '--responder', 'local'])).code).toBe(2);
  });
});

describe('bulla audit tail', () => {
  it('shows what is there and what comes, until it is stopped', async () => {
    const tail = world.start(['audit', 'tail', '--act', 'version.get']);
    await world.done(['prompt', 'show', 'claims/triage']);
    await tail.stdout.holds('version.get');
    expect(await tail.stop()).toBe(0);
  });
});

describe('bulla audit export', () => {
  it('writes lines for other programs, once', async () => {
    const ndjson = world.path('audit.ndjson');
    await world.done(['audit', 'export', '--format', 'ndjson', '--out', ndjson]);
    const lines = (await readFile(ndjson, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as Line)[0]).toMatchObject({ index: 0, entry: { act: 'log.begin' } });
    const csv = world.path('audit.csv');
    const said = await world.done(['audit', 'export', '--format', 'csv', '--out', csv, '--json']);
    const rows = (await readFile(csv, 'utf8')).split('\r\n');
    expect(rows[0]).toMatch(/^service,log,index,at,id,time,act,result,/);
    expect(rows[1]).toMatch(
      /^"urn:bulla:dev:svc:\S+","1","0",.*"log\.begin","ok","","service","","","\{""log"":1,""before"":\[\]\}"$/,
    );
    expect(JSON.parse(said.stdout)).toEqual({ path: csv, format: 'csv', entries: rows.length - 2 });
    expect(await world.bulla(['audit', 'export', '--format', 'csv', '--out', csv])).toMatchObject({ code: 2 });
    expect(await world.bulla(['audit', 'export', '--format', 'xml', '--out', csv])).toMatchObject({ code: 2 });
  });
});

describe('bulla audit verify', () => {
  it('tells programs the head of each log, and the key by which other verifiers read it', async () => {
    const { stdout } = await world.done(['audit', 'verify', bundle, '--json']);
    const { logs, ...said } = JSON.parse(stdout) as { valid: boolean; logs: { origin: string }[] };
    expect(said).toMatchObject({ valid: true, directory: { version: expect.any(Number) as unknown } });
    for (const { origin, ...log } of logs) {
      const vkey = expect.stringMatching(new RegExp(`^${origin}\\+[0-9a-f]{8}\\+A[Q-Za-f][\\w+/]+=*$`)) as unknown;
      expect(log).toMatchObject({ valid: true, key: { vkey, listed: true, revoked: false } });
    }
  });
});

describe('logs that somebody changed', () => {
  let changed: string;
  beforeAll(async () => {
    changed = world.path('changed');
    await world.done(['audit', 'export', '--out', changed]);
    const [path = ''] = (await filesOf(changed)).filter((file) => /vault-1\/tile\/entries\//.test(file));
    const bytes = await readFile(path);
    bytes[9] = (bytes[9] ?? 0) ^ 1;
    await writeFile(path, bytes);
  });

  it('are named, with the entry [guard: cli-audit-verdict]', async () => {
    const { code, stdout, stderr } = await world.bulla(['audit', 'verify', changed]);
    expect([code, stderr]).toEqual([10, expect.stringContaining('vault/audit/1: entry 0: ')]);
    expect(stdout).toMatch(/^✘ entries +entry 0: an entry does not have its hash\nchain BROKEN entry 0: /m);
  });

  it('are listed from no more [guard: cli-bundle-verified]', async () => {
    const { code, stdout, stderr } = await world.bulla(['audit', 'list', '--bundle', changed]);
    expect([code, stdout, stderr]).toEqual([10, '', expect.stringContaining('entry 0')]);
  });

  it('show nothing of an answer [guard: cli-answer-log]', async () => {
    const { code, stderr } = await world.bulla(['verify', answer, '--audit', changed]);
    expect([code, stderr]).toEqual([10, expect.stringContaining('vault/audit/1: entry 0: ')]);
  });
});

describe('logs whose evidence does not fit', () => {
  let unfit: string;
  beforeAll(async () => {
    unfit = world.path('unfit');
    await world.done(['audit', 'export', '--out', unfit]);
    const path = `${unfit}/logs/vault-1/evidence/0.ndjson`;
    const lines = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, lines.slice(1).join('\n'));
  });

  it('are told from logs that are not what they were, and what is not there is named', async () => {
    const { code, stdout, stderr } = await world.bulla(['audit', 'verify', unfit]);
    expect([code, stderr]).toEqual([
      12,
      expect.stringMatching(/vault\/audit\/1: 1 entry does not fit: entry \d+: .*; the chain itself is good\n$/),
    ]);
    expect(stdout).toMatch(/^✘ evidence +1 entry does not fit/m);
    expect(stdout).toMatch(
      /^chain ok .*\nevidence BAD 1 entry that nobody is shown to have asked for\n {2}entry \d+: what shows who asked/m,
    );
  });

  it('are listed, with a word', async () => {
    const { code, stdout, stderr } = await world.bulla(['audit', 'list', '--bundle', unfit]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('1 entry that nobody is shown to have asked for')]);
    expect(stdout).toContain('envelope.issue');
  });

  it('still have an answer in them, which ends the same way [guard: cli-answer-log-evidence]', async () => {
    const { code, stdout } = await world.bulla(['verify', answer, '--audit', unfit]);
    expect([code, stdout]).toEqual([12, expect.stringMatching(/^✔ log-finish +this very answer is entry/m)]);
  });
});

describe('bulla verify --audit', () => {
  it('finds the answer in the logs, and says so', async () => {
    const { stdout } = await world.done(['verify', answer, '--audit', bundle]);
    expect(stdout).toMatch(
      /^✔ log-finish +this very answer is entry \d+ of bulla\/[0-9a-f]{16}\/dev\/responder:local\/audit\/1, of /m,
    );
    expect(stdout).toContain('VALID as of');
  });

  it('names what is missing [guard: cli-answer-logged]', async () => {
    const { stdout } = await world.done(['run', 'claims/triage', '--var', 'claim=Later.', '--json']);
    const later = await world.file('later.json', stdout);
    const { code, stderr } = await world.bulla(['verify', later, '--audit', bundle]);
    expect([code, stderr]).toEqual([
      10,
      expect.stringMatching(
        /is not in the log of urn:bulla:dev:svc:vault, whose newest entry here is of \S+Z \(check log-issue\)/,
      ),
    ]);
  });

  it('holds what an answer tells of the log against it, as verifying the services does', async () => {
    const { stdout } = await world.done(['run', 'claims/triage', '--var', 'claim=Told.', '--json']);
    const telling = await world.file('telling.json', stdout);
    const own = await world.done(['verify', telling]);
    expect(own.stdout).toMatch(
      /^✔ checkpoint +bulla\/[0-9a-f]{16}\/dev\/responder:local\/audit\/1 had \d+ entr(y|ies)$/m,
    );
    const verified = await world.done(['audit', 'verify']);
    expect(verified.stdout).toMatch(
      /^✔ told-heads +\d+ heads? that (an answer|answers) brought (is|are) in this tree$/m,
    );
    // The older folder is good, and told to be older.
    const { entry } = await logged('invocation.finish');
    expect(entry.obj['invocation']).toMatch(/^inv_/);
    const older = await world.done(['audit', 'verify', bundle]);
    expect(older.stdout).toMatch(/^– kept-head +this machine saw \d+ entries of this log, \d+ more: this is older/m);
  });

  it('takes no folder that has no logs', async () => {
    expect(await world.bulla(['verify', answer, '--audit', world.path('nothing')])).toMatchObject({ code: 10 });
    expect(await world.bulla(['audit', 'verify', world.path('nothing')])).toMatchObject({ code: 10 });
    expect(await world.bulla(['audit', 'verify', '--pin', `sha256:${'0'.repeat(64)}`])).toMatchObject({ code: 2 });
    expect(await world.bulla(['audit', 'verify', bundle, '--pin', 'sha256:0'])).toMatchObject({ code: 2 });
  });
});

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
}

describe('bulla audit set-aside', () => {
  it('sets aside what nobody can check, and the log says so', async () => {
    const unasked = await world.bulla(['audit', 'set-aside']);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('say so with --yes')]);
    expect((await world.done(['audit', 'set-aside', '--yes'])).stdout).toMatch(/^✔ set 0 rows aside$/m);
    const { entry } = await logged('audit.set-aside');
    expect(entry.obj).toEqual({ items: 0, leaves: [] });
  });
});

describe('bulla audit erase', () => {
  it('erases the requests and leaves the entries, and the log says so', async () => {
    const [first] = await list('--act', 'prompt.create');
    const { stdout: shown } = await world.done(['audit', 'show', String(first?.index), '--json']);
    const { kid } = (JSON.parse(shown) as { entry: { who: { kid: string } } }).entry.who;
    const unasked = await world.bulla(['audit', 'erase', '--actor', kid]);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('say so with --yes')]);
    const { stdout } = await world.done(['audit', 'erase', '--actor', kid, '--yes']);
    expect(stdout).toMatch(/^✔ erased what showed who asked, of \d+ entries$/m);
    let said = '';
    for (; !said.includes('vault/audit/1 says'); ) said = (await world.done(['audit', 'verify'])).stdout;
    expect(said).toMatch(
      /that of \d+ entries was erased, as entry \d+ of bulla\/[0-9a-f]{16}\/dev\/vault\/audit\/1 says/,
    );
    const [erase] = await list('--act', 'audit.erase');
    expect(erase?.entry.obj).toMatchObject({ log: 1, actor: kid });
    expect(await list('--act', 'prompt.create')).toContainEqual(first);
  });
});
