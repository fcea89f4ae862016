import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inOrder } from '../../../test/in-order.js';
import type { Ended, Running } from './world.js';
import { World } from './world.js';

/** What they print is text, a file or what another command prints, and nothing was done that could be told. */
const WITHOUT = new Set(['completion', 'exec', 'help', 'mcp']);

let world: World;
let running: Running;
let home: string;
/** Every command that help shows, but those that only hold others. */
let table: string[];
const tried = new Set<string>(['up']);

async function commandsBelow(words: readonly string[]): Promise<string[]> {
  const { stdout } = await world.done(['__complete', '--', ...words, '']);
  const found: string[] = [];
  for (const name of stdout.split('\n').slice(0, -1)) {
    const inner = [...words, name];
    // Each command that holds others has the same help for them.
    if (words.length > 0 && name === 'help') continue;
    const holdsOthers = /^Commands:$/m.test((await world.done(['help', ...inner])).stdout);
    found.push(...(holdsOthers ? await commandsBelow(inner) : [inner.join(' ')]));
  }
  return found;
}

interface How {
  /** The home folder of another person. */
  readonly as?: string;
  readonly stdin?: string;
  readonly code?: number;
  /** Results have to be the only thing on standard output also where a person sits. */
  readonly atTerminal?: boolean;
}

/** Runs a command with --json; what it printed has to be one document. */
async function json<Shape = Record<string, unknown>>(
  command: string,
  rest: readonly string[] = [],
  { as, code = 0, ...how }: How = {},
): Promise<Shape> {
  tried.add(command);
  world.env['BULLA_HOME'] = as === undefined ? home : world.path(as);
  const ended = await world.bulla([...command.split(' '), ...rest, '--json'], how);
  world.env['BULLA_HOME'] = home;
  return documentOf(ended, code);
}

function documentOf<Shape>(ended: Ended, code: number): Shape {
  expect({ code: ended.code, said: ended.code === code ? '' : ended.stderr }).toEqual({ code, said: '' });
  expect(ended.stdout).toMatch(/^[[{].*[\]}]\n$/s);
  return JSON.parse(ended.stdout) as Shape;
}

const said: Record<string, string> = {};
const URN = 'urn:bulla:dev:svc:responder:local';
const HASH = expect.stringMatching(/^[\w-]{43}$/);
const FINGERPRINT = expect.stringMatching(/^[0-9a-f]{4}(:[0-9a-f]{4}){7}$/);
const WORDS = expect.stringMatching(/^[a-z]+( [a-z]+){7}$/);
const NUMBER = expect.any(Number);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const DEVICE = expect.stringMatching(/^urn:bulla:dev:dev:dev_/);
const CLAIM = ['--var', 'claim=Water is flowing.'];

beforeAll(async () => {
  world = await World.make();
  home = world.path('home');
  running = await world.up('organisation', ['--json']);
  table = await commandsBelow([]);
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.file('better.md', 'Sort this claim by urgency.\n\n{{claim}}\n');
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

describe('--json', () => {
  it('is an option of every command, in its help, but of those that print text', async () => {
    expect(table.length).toBeGreaterThan(50);
    const without: string[] = [];
    for (const command of table) {
      const { stdout } = await world.done(['__complete', '--', ...command.split(' '), '--json']);
      const { stdout: help } = await world.done(['help', ...command.split(' ')]);
      if (!stdout.split('\n').includes('--json') || !/^ {2}--json {2,}\S/m.test(help)) without.push(command);
    }
    expect(without).toEqual([...WITHOUT].toSorted());
  });

  it('makes a mistake in any command one line of JSON, and leaves standard output empty', async () => {
    for (const command of table) {
      const { code, stdout, stderr } = await world.bulla([...command.split(' '), '--json', '--no-such-option']);
      expect({ command, code, stdout }).toEqual({ command, code: 2, stdout: '' });
      expect(JSON.parse(stderr)).toEqual({
        code: 'usage',
        message: expect.any(String),
        hint: expect.any(String),
        request_id: null,
      });
    }
  });
});

function saysWhatRuns(): void {
  const { stdout } = running;
  expect(JSON.parse(stdout.text)).toEqual({
    state: 'ready',
    vault: expect.stringMatching(/^http:/),
    responder: expect.stringMatching(/^http:/),
    model: expect.stringContaining('builtin:extract'),
    pin: expect.stringMatching(/^sha256:/),
    home,
  });
}

async function init(): Promise<void> {
  const where = ['--vault-url', 'https://vault.example', '--responder-url', 'https://responder.example'];
  const made = await json('init', ['--production', '--org', 'acme', ...where, '--suite', 'p256'], { as: 'acme' });
  const pin = expect.stringMatching(/^sha256:/);
  expect(made).toMatchObject({ organisation: 'acme', pin, home: world.path('acme') });
  expect(made).toMatchObject({ changes: expect.arrayContaining([expect.any(String)]) });
}

async function about(): Promise<void> {
  await json('version');
  const pages = await json<{ paths: string[] }>('man', ['--out', world.path('man1')]);
  expect(pages).toEqual({ folder: world.path('man1'), paths: expect.arrayContaining([world.path('man1/bulla.1')]) });
  expect(await json('whoami')).toMatchObject({ device: DEVICE });
  await json<unknown[]>('status');
  // What it finds is not the subject here: just started, a service may still be about to say something.
  tried.add('doctor');
  const doctor = await world.bulla(['doctor', '--json']);
  const findings = documentOf<{ ok: boolean }[]>(doctor, doctor.code);
  expect(doctor.code).toBe(findings.every(({ ok }) => ok) ? 0 : 1);
  const demo = await json('demo', ['--out', world.path('demo.json')]);
  expect(demo).toMatchObject({ ok: true, answer_file: world.path('demo.json'), text: expect.any(String) });
  expect(demo).toMatchObject({
    checks: expect.arrayContaining([
      expect.objectContaining({ step: '5. what must be refused', name: 'refused', ok: true }),
    ]),
  });
  expect(await json('api', ['GET', '/api/v1/prompts'])).toMatchObject({ data: [{ name: 'demo/claim-triage' }] });
}

async function prompts(): Promise<void> {
  await json('prompt push', ['claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  const pushed = await json('prompt push', ['claims/triage', '-f', world.path('better.md')]);
  said['content'] = `sha256:${String(pushed['chash'])}`;
  await json<unknown[]>('prompt list');
  await json('prompt show', ['claims/triage']);
  await json<unknown[]>('prompt history', ['claims/triage']);
  await json('prompt diff', ['claims/triage', '1']);
  await json<unknown[]>('prompt reseal', ['claims/triage']);
  const pulled = await json('prompt pull', ['claims/triage@1', '-o', world.path('pulled.md')]);
  expect(pulled).toEqual({ name: 'claims/triage', version: 1, chash: HASH, path: world.path('pulled.md') });
  const signed = ['--yes', '--expect', said['content']];
  await json('prompt promote', ['claims/triage', '2', '--label', 'production', ...signed]);
  const { chash } = await json('prompt show', ['claims/triage@1']);
  await json('prompt rollback', ['claims/triage', '--yes', '--expect', `sha256:${String(chash)}`]);
  await json('prompt label', ['claims/triage', 'staging', '2', ...signed]);
  await json('trust renew');
  await json('prompt confirm', ['claims/triage@staging', ...signed]);
  await json('prompt adopt', ['claims/triage@staging']);
  await json('run', ['claims/triage', ...CLAIM]);
  await json('chat', ['-m', 'How is the weather?']);
  const targets = [{ upstream: 'builtin:extract', can: ['chat', 'sampling'] }];
  const offered = [{ name: 'builtin:extract', default: true, targets, fallbacks: [] }];
  expect(await json('models list')).toEqual({ responder: URN, data: offered, others: false });
  expect(await json('models test')).toEqual([
    {
      name: 'builtin:extract',
      upstream: 'builtin:extract',
      outcome: 'answered',
      model: 'builtin:extract',
      duration_ms: NUMBER,
      usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 },
    },
  ]);
  const sums = {
    runs: NUMBER,
    failed: 0,
    uncounted: NUMBER,
    unpriced: NUMBER,
    input_tokens: NUMBER,
    output_tokens: NUMBER,
  };
  const usage = await json('usage', ['--by', 'model', '--since', '1h', '--until', '2100-01-01']);
  expect(usage).toEqual({
    since: expect.stringMatching(/^\d{4}-.*Z$/),
    until: '2100-01-01T00:00:00.000Z',
    by: 'model',
    // Runs are counted here once the responder has reported them, which it does in between.
    responders: expect.any(Array),
    data: expect.any(Array),
    total: { ...sums, costs: [] },
  });
  await json('verify', [world.path('demo.json')]);
  await json('prompt push', ['claims/gone', '-f', world.path('triage.md')]);
  await json('prompt delete', ['claims/gone', '--yes']);
}

async function appsServed(): Promise<void> {
  const installed = await json('proxy install', ['--out', world.path('units/bulla-proxy.service')]);
  expect(installed).toEqual({ path: world.path('units/bulla-proxy.service'), commands: expect.any(Array) });
  expect(await json('proxy receipts')).toEqual([]);
  const proxy = world.start(['proxy', 'start', '--listen', '127.0.0.1:0', '--json']);
  await proxy.stdout.holds('"state": "ready"');
  const base = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/);
  expect(JSON.parse(proxy.stdout.text)).toEqual({
    state: 'ready',
    openai_base_url: base,
    anthropic_base_url: base,
    token_file: `${home}/proxy.token`,
  });
  tried.add('proxy start');
  const key = expect.stringMatching(/^bulla-/);
  const openai = { OPENAI_BASE_URL: base, OPENAI_API_KEY: key };
  const anthropic = { ANTHROPIC_BASE_URL: base, ANTHROPIC_API_KEY: key };
  expect(await json('proxy env')).toEqual({ ...openai, ...anthropic });
  expect(await json('proxy status')).toEqual({
    origin: base,
    since: expect.any(String),
    organisation: 'dev',
    pin: expect.stringMatching(/^sha256:/),
    directory: NUMBER,
    responder: { urn: URN, keys: [FINGERPRINT] },
    models: ['builtin:extract'],
    trouble: null,
    receipts: { kept: 0, lost: 0, fault: null },
    calls: 0,
    verified: 0,
    coalesced: 0,
    refused: 0,
    faults: {},
    open: 0,
  });
  await proxy.stop();
}

async function policies(): Promise<void> {
  const now = await json('policy show');
  const labels = { audited: { groups: ['grp:authors'], threshold: 2 } };
  const custody = { '*': 'sealed', 'open/': 'managed' };
  const file = await world.file('policy.json', JSON.stringify({ ...now, labels, custody }));
  const notes = ['audited', 'open/'].map((named) => expect.stringContaining(named));
  expect(await json('policy test', [file], { code: 1 })).toEqual({ changed: true, notes });
  const dry = await json('policy set', [file, '--dry-run']);
  expect(dry).toEqual({ signed: false, changed: true, notes, policy_version: 2 });
  const directory_version = expect.any(Number);
  const set = await json('policy set', [file, '--yes']);
  expect(set).toEqual({ signed: true, changed: true, notes, policy_version: 2, directory_version });
  const again = await json('policy set', [file, '--yes']);
  expect(again).toMatchObject({ signed: false, changed: false, policy_version: 2 });
  const clear = await json('prompt push', ['open/faq', '-f', world.path('triage.md'), '--clear']);
  expect(clear).toMatchObject({ name: 'open/faq', version: 1, custody: 'managed', changed: true, labels: ['latest'] });
}

async function devices(): Promise<void> {
  const role = ['--role', 'author', '--role', 'invoker', '--group', 'grp:authors', '--group', 'grp:members'];
  const invited = await json('device invite', ['--label', 'ada', '--name', 'Ada', ...role]);
  const user = expect.stringMatching(/^urn:bulla:dev:user:usr_/);
  const [id, code] = [expect.stringMatching(/^ivt_/), expect.stringMatching(/^bulla1_/)];
  const roles = ['author', 'invoker'];
  const groups = ['grp:authors', 'grp:members'];
  expect(invited).toEqual({ id, code, label: 'ada', user, name: 'Ada', roles, groups, expires_at: TIME });
  await json<unknown[]>('device invitations list');
  const stdin = String(invited['code']);
  const asked = await json('device enrol', [], { as: 'ada', stdin });
  expect(asked).toEqual({ state: 'pending', fingerprint: FINGERPRINT, words: WORDS });
  const request = expect.stringMatching(/^enr_/);
  const approved = await json('device approve');
  expect(approved).toEqual({
    request,
    device: DEVICE,
    user,
    name: null,
    roles,
    groups,
    directory_version: expect.any(Number),
  });
  const { device } = approved;
  const came = await json('device enrol', [], { as: 'ada' });
  const { fingerprint, words } = asked;
  const folder = world.path('ada');
  const organisation = 'dev';
  expect(came).toEqual({ state: 'in', fingerprint, words, device, organisation, roles, groups, home: folder });
  said['ada'] = String(device).split(':').at(-1) ?? '';

  const second = await json('device invite', ['--label', 'bob', '--role', 'invoker']);
  await json('device enrol', [], { as: 'bob', stdin: String(second['code']) });
  const third = await json('device invite', ['--label', 'cy', '--role', 'invoker']);
  await json('device enrol', [], { as: 'cy', stdin: String(third['code']) });
  tried.delete('device approve');
  const several = await world.bulla(['device', 'approve', '--json']);
  expect(several).toMatchObject({ code: 2, stdout: '' });
  const { message, hint } = JSON.parse(several.stderr) as { message: string; hint: string };
  expect(message).toBe('2 devices wait: say which');
  for (const waiting of hint.match(/enr_\w+/g) ?? []) {
    const refused = await json('device refuse', [waiting]);
    expect(refused).toEqual({ request: waiting, invitation: id, refused: true });
  }
  await json('device invite', ['--label', 'dan', '--role', 'invoker']);
  const taken = await json('device invitations revoke', ['dan']);
  expect(taken).toEqual({ id, taken_back: true });
  await json<unknown[]>('device list');
  tried.add('device approve');
}

async function peopleNamed(): Promise<void> {
  const people = await json<{ urn: string; name: string | null }[]>('people list');
  const urn = people.find(({ name }) => name === 'Ada')?.urn ?? '';
  expect(await json('people name', ['Ada', 'Ada L.'])).toEqual({ urn, name: 'Ada L.' });
  expect(await json('people name', ['Ada L.', '--forget'])).toEqual({ urn, name: null });
}

async function approvals(): Promise<void> {
  await json<unknown[]>('prompt reseal', ['claims/triage', '--all']);
  const { device } = await json<{ device: string }>('whoami');
  const unshared = { name: 'claims/triage', device, versions: [], may_read: true };
  expect(await json('prompt unshare', ['claims/triage@99', '--from', device])).toEqual(unshared);
  expect(await json('prompt unfit', [])).toEqual([]);
  const signed = ['--yes', '--expect', said['content'] ?? ''];
  const begin = async () => {
    const audited = ['claims/triage', '2', '--label', 'audited', ...signed];
    const waits = await json<{ pending: { approval: string } }>('prompt promote', audited, { code: 11 });
    return waits.pending.approval;
  };
  const dropped = await begin();
  await json<unknown[]>('approve list');
  await json('approve show', [dropped]);
  expect(await json('approve no', [dropped])).toEqual({ id: dropped, dropped: true });
  const given = await begin();
  const yes = await json('approve yes', [given, '--label', 'audited', ...signed], { as: 'ada' });
  expect(yes).toMatchObject({ name: 'claims/triage', label: 'audited', version: 2 });
}

async function keysOfDevices(): Promise<void> {
  const [before, after, directory_version] = [FINGERPRINT, FINGERPRINT, expect.any(Number)];
  const renewed = await json('device renew');
  expect(renewed).toEqual({ device: DEVICE, before, after, directory_version });
  await json('prompt push', ['claims/ada', '-f', world.path('triage.md')], { as: 'ada' });
  const revoked = await json('device revoke', [said['ada'] ?? '', '--keep', 'claims/ada@1'], {
    stdin: 'yes\nyes\n',
  });
  expect(revoked).toEqual({
    device: `urn:bulla:dev:dev:${said['ada']}`,
    reason: 'unspecified',
    kept: [{ name: 'claims/ada', version: 1, chash: HASH }],
    lost: [],
    labels_to_sign: expect.arrayContaining([{ name: 'claims/ada', label: 'latest' }]),
    readable: expect.arrayContaining([{ name: 'claims/ada', version: 1, chash: HASH }]),
    readable_now: expect.arrayContaining(['claims/ada']),
    directory_version,
    known_everywhere_by: TIME,
  });
}

async function trust(): Promise<void> {
  await json('trust show');
  await json('trust pin');
  const renewed = await json('trust renew');
  expect(renewed).toEqual({
    changes: expect.any(Array),
    round: {
      directory_version: expect.any(Number),
      labels: expect.any(Number),
      held: expect.any(Array),
      handed_back: null,
    },
    labels: [],
  });
  const nothing = { directories: 0, labels: [], refused: [] };
  expect(await json('trust hand-back')).toEqual({ restored: false, ...nothing });
  expect(await json('trust resume')).toEqual({ resumed: false, directory_version: null });
  const retired = { service: URN, retired: [], directory_version: null };
  expect(await json('trust retire')).toEqual(retired);
  const next = `${home}/services/responder.new.json`;
  const like = ['--like', `${home}/services/responder.keys.json`];
  const marks = `${home}/services/responder.new.log.json`;
  expect(await json('keys generate', [next, ...like])).toEqual({ urn: URN, path: next, log: 2, marks });
  const stated = await json('keys public', [next]);
  expect(stated).toEqual({
    urn: URN,
    fingerprint: FINGERPRINT,
    checkpoint_fingerprint: FINGERPRINT,
    token: expect.any(String),
  });
  const file = await world.file('responder.public', String(stated['token']));
  const accept = ['--fingerprint', String(stated['fingerprint']), '--keys', file, '--file-later'];
  const accepted = await json('trust accept', accept);
  expect(accepted).toEqual({
    responder: URN,
    before: [FINGERPRINT],
    after: stated['fingerprint'],
    added: [['http', 'reply'], ['unwrap'], ['checkpoint']].map((purposes) => ({
      fingerprint: FINGERPRINT,
      for: purposes,
    })),
    compromised: false,
    directory_version: expect.any(Number),
  });
}

async function keyFiles(): Promise<void> {
  const [alice, bob] = [world.path('alice'), world.path('bobby')];
  const [own, others] = [`${alice}.key.pem`, `${alice}.pub.pem`];
  const made = await json('keys generate', [alice, '--suite', 'p256']);
  expect(made).toEqual({ private_keys: own, public_keys: others, suite: 'p256' });
  await json('keys generate', [bob, '--suite', 'p256']);
  const folder = world.path('root-shares');
  const counts = ['--shares', '3', '--threshold', '2', '--out', folder];
  expect(await json('keys shamir create', counts)).toEqual({
    set: `${folder}/set.json`,
    id: HASH,
    shares: 3,
    threshold: 2,
    files: [1, 2, 3].map((index) => `${folder}/share-${index}.txt`),
  });
  // The root key of this vault is not in shares.
  expect(await json<unknown[]>('unseal')).toEqual([]);
  await json<unknown[]>('keys inspect', [others]);
  const names = { suite: 'p256', fingerprint: FINGERPRINT, words: WORDS };
  expect(await json('keys fingerprint', [others, '--qr'])).toEqual([
    { use: 'sig', ...names },
    { use: 'enc', ...names },
  ]);
  const jwk = world.path('alice.jwk');
  const converted = await json('keys convert', [own, '--to', 'jwk', '--public', '-o', jwk]);
  expect(converted).toEqual({ path: jwk, format: 'jwk', half: 'public', keys: [HASH, HASH] });
  const sealed = world.path('letter');
  const letter = [world.path('triage.md'), '--to', others, '--from', `${bob}.key.pem`, '-o', sealed];
  expect(await json('seal', letter)).toEqual({ path: sealed, bytes: expect.any(Number), reader: FINGERPRINT });
  const opened = world.path('opened');
  const keys = ['--key', own, '--sender', `${bob}.pub.pem`];
  expect(await json('open', [sealed, ...keys, '-o', opened])).toEqual({
    path: opened,
    bytes: 28,
    signed_by: FINGERPRINT,
    dated: expect.any(String),
    name: 'triage.md',
  });
  const path = `${home}/identity.json`;
  const stdin = 'six words that nobody would guess\n';
  expect(await json('keys lock', [], { stdin })).toEqual({ path, state: 'locked' });
  expect(await json('keys status', [path])).toEqual({ path, state: 'locked' });
  expect(await json('keys unlock', [], { stdin })).toEqual({ path, state: 'open' });
}

async function keysAtRest(): Promise<void> {
  const root = world.path('root-2.key');
  expect(await json('keys generate', ['--root', root])).toEqual({ path: root, setting: `file:${root}` });
  const standing = await json<{ root: { kid: string }[]; services: object[] }>('keys status');
  expect(standing).toMatchObject({ kek: [], pending: 0, jobs: [], root: [{ state: 'active', objects: 0 }] });
  expect(standing.services).toEqual(expect.arrayContaining([expect.objectContaining({ urn: URN, state: 'active' })]));
  const planned = await json('keys rotate', ['kek', '--dry-run']);
  expect(planned).toEqual({ what: 'kek', from: 0, to: 1, moves: 0, pending: 0, job: null });
  expect(await json('keys rotate', ['responder'])).toMatchObject({ what: 'responder', urn: URN });
  const job = await json<{ id: string }>('keys rotate', ['kek']);
  expect(await json('jobs watch', [job.id])).toMatchObject({ id: job.id, state: 'done', target: 'kek:dev:1' });
  expect(await json('jobs cancel', [job.id])).toMatchObject({ id: job.id, state: 'done' });
  expect(await json<object[]>('jobs list')).toMatchObject([{ id: job.id }]);
}

async function auditLogs(): Promise<void> {
  const found = await json<{ index: number }>('audit list', ['--limit', '1']);
  expect(found).toMatchObject({ service: 'urn:bulla:dev:svc:vault', log: 1, entry: { act: expect.any(String) } });
  const shown = await json('audit show', [String(found.index)]);
  expect(shown).toMatchObject({ index: found.index, entry: { act: expect.any(String) } });
  const folder = world.path('audit');
  const logs = [
    expect.objectContaining({ path: 'logs/vault-1' }),
    expect.objectContaining({ written: expect.any(Number) }),
  ];
  expect(await json('audit export', ['--out', folder])).toEqual({ path: folder, logs, unreached: [] });
  expect(await json('audit verify', [folder])).toMatchObject({ valid: true, logs: [{ valid: true }, { valid: true }] });
  const witness = ['--folder', world.path('witness')];
  const key = expect.stringMatching(/^witness\.example\/w1\+[0-9a-f]{8}\+\S+$/);
  const made = await json('audit witness', ['--init', 'witness.example/w1', ...witness]);
  expect(made).toEqual({ folder: world.path('witness'), key });
  const actor = 'K'.repeat(43);
  expect(await json('audit erase', ['--actor', actor, '--yes'])).toEqual({ actors: [actor], entries: 0 });
  const services = [expect.objectContaining({ items: 0 }), expect.objectContaining({ items: 0 })];
  expect(await json('audit set-aside', ['--yes'])).toEqual({ items: 0, services });
  expect(await json('audit accept-loss', ['--yes'])).toEqual({ accepted: [] });
}

async function streams(): Promise<void> {
  tried.add('audit stream');
  const to = ['--to', 'http://127.0.0.1:2/', '--state', world.path('stream')];
  const stream = world.start(['audit', 'stream', ...to, '--json']);
  await stream.stdout.holds('}\n');
  expect([await stream.stop(), stream.stderr.text]).toEqual([0, '']);
  const [away, ...more] = stream.stdout.text.trim().split('\n');
  expect(JSON.parse(away ?? '')).toMatchObject({
    event: 'sink-away',
    reason: expect.any(String),
    behind: expect.any(Number),
  });
  expect(JSON.parse(more.at(-1) ?? '')).toEqual({ event: 'ended', sent: 0, dead_letters: 0 });
  tried.add('audit dead-letters');
  const letters = await world.done(['audit', 'dead-letters', '--state', world.path('stream'), '--json']);
  expect(letters).toMatchObject({ stdout: '', stderr: '' });
}

async function servers(): Promise<void> {
  await streams();
  tried.add('audit tail');
  const tail = world.start(['audit', 'tail', '--json']);
  await tail.stdout.holds('}\n');
  expect([await tail.stop(), tail.stderr.text]).toEqual([0, '']);
  for (const line of tail.stdout.text.trim().split('\n'))
    expect(JSON.parse(line)).toMatchObject({ log: 1, proved: false });
  tried.add('dev fake-openai');
  const fake = world.start(['dev', 'fake-openai', '--json']);
  await fake.stdout.holds('}\n');
  const code = await fake.stop();
  const url = expect.stringMatching(/^http:/);
  expect(documentOf({ code, stdout: fake.stdout.text, stderr: fake.stderr.text }, 0)).toEqual({
    state: 'ready',
    url,
  });
}

async function proposals(): Promise<void> {
  const file = world.path('next.proposal');
  const proposed = await json('trust root propose', ['--replace', 'policy', '--why', 'tried', '-o', file]);
  const expected = ['--yes', '--expect', String(proposed['hash'])];
  await json('trust cosign', [file, ...expected]);
  await json('trust publish', [file, ...expected]);
}

function leftOut(): void {
  expect(table.filter((command) => !tried.has(command) && !WITHOUT.has(command))).toEqual([]);
}

describe('the result of each command', () => {
  inOrder([
    { name: 'up says once what runs where', run: saysWhatRuns },
    { name: 'init', run: init },
    { name: 'who, what and where', run: about },
    { name: 'prompts and answers', run: prompts },
    { name: 'keys at rest', run: keysAtRest },
    { name: 'audit logs', run: auditLogs },
    { name: 'what apps are served with', run: appsServed },
    { name: 'the policy', run: policies },
    { name: 'a device that comes in, and one that is refused', run: devices },
    { name: 'people', run: peopleNamed },
    { name: 'approvals', run: approvals },
    { name: 'a device that gets new keys, and one that leaves', run: keysOfDevices },
    { name: 'trust, and new keys of a responder', run: trust },
    { name: 'key files and letters', run: keyFiles },
    { name: 'what several sign', run: proposals },
    { name: 'what runs until it is stopped', run: servers },
    { name: 'none was left out', run: leftOut },
  ]);
});
