import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

const RESPONDER = 'urn:bulla:dev:svc:responder:local';
let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.file('chat.md', '---\ntype: chat\nmessages: true\n---\n# user\n\nSay yes.\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  await world.file('short.md', '---\nvars: {claim: {max: 5}}\n---\n{{claim}}\n');
  await world.done(['prompt', 'push', 'short/claim', '-f', world.path('short.md'), '--label', 'production']);
  await world.done(['prompt', 'push', 'claims/chat', '-f', world.path('chat.md'), '--label', 'production']);
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const jsonOf = async (...argv: string[]) => JSON.parse((await world.done(argv)).stdout) as Record<string, unknown>;

describe('bulla version and whoami', () => {
  it('say what this is, in words and as JSON', async () => {
    expect((await world.done(['version'])).stdout).toMatch(/^bulla \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+, \w+ \w+\)\n$/);
    expect(await jsonOf('version', '--json')).toMatchObject({
      version: expect.any(String),
      node: process.versions.node,
    });
  });

  it('say who this device is by what this machine knows, and ask nobody', async () => {
    world.fetch = () => Promise.reject(new TypeError('nobody is asked'));
    const said = await world.done(['whoami']);
    const known = await jsonOf('--json', 'whoami');
    world.fetch = fetch;
    expect(said.stdout).toMatch(/^device {8}urn:bulla:dev:dev:dev_.*\n/);
    expect(said.stdout).toMatch(/^roles {9}.*author.*$/m);
    expect(said.stdout).toMatch(/^as of {9}directory \d+, issued .*Z$/m);
    expect(known).toMatchObject({
      organisation: 'dev',
      state: 'active',
      groups: expect.arrayContaining(['grp:authors']),
    });
  });
});

describe('bulla whoami', () => {
  it('says what it does not know where this machine has seen no directory', async () => {
    const seen = world.path('home/trust.json');
    renameSync(seen, `${seen}.aside`);
    try {
      const { stdout } = await world.done(['whoami']);
      expect(stdout).toMatch(/^roles {9}not known: no directory was seen yet$/m);
      expect(stdout).toMatch(/^as of {9}nothing$/m);
      expect(await jsonOf('whoami', '--json')).toMatchObject({
        person: null,
        roles: [],
        state: 'unlisted',
        directory: null,
      });
    } finally {
      rmSync(seen, { force: true });
      renameSync(`${seen}.aside`, seen);
    }
  });
});

describe('bulla help', () => {
  it('shows the help of a command of a command', async () => {
    const asked = await world.done(['help', 'prompt', 'push']);
    expect(asked.stdout).toMatch(/^Usage: bulla prompt push /);
    expect(asked).toEqual(await world.done(['prompt', 'push', '--help']));
    expect((await world.done(['help'])).stdout).toMatch(/^Usage: bulla /);
  });

  it('says what was perhaps meant', async () => {
    expect(await world.bulla(['help', 'prompt', 'psh'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'bulla: error: there is no such command\nbulla: hint: did you mean prompt push?\n',
    });
  });
});

describe('bulla api', () => {
  it('signs a request and prints the answer', async () => {
    expect(await jsonOf('api', 'get', '/api/v1/prompts', '-f', 'prefix=claims/t')).toMatchObject({
      data: [{ name: 'claims/triage' }],
    });
    expect(await jsonOf('api', 'GET', '/api/v1/prompts?prefix=claims/c')).toMatchObject({
      data: [{ name: 'claims/chat' }],
    });
    const urn = 'urn:bulla:dev:svc:responder:local';
    expect(await jsonOf('api', 'GET', '/health/ready', '--responder', urn)).toMatchObject({ status: 'ok' });
  });

  it('sends a body of fields and a file', async () => {
    const body = await world.file('body.json', '{"label":"x","expires_in":60}');
    const refused = await world.bulla([
      'api',
      'POST',
      '/api/v1/invitations',
      '--input',
      body,
      '-f',
      'more=7',
      '-F',
      'other=[1]',
    ]);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('that is not what POST /api/v1/invitations takes'),
    });
    expect(refused.stderr).toContain('other');
  });

  it.each([
    [['FETCH', '/x'], 'expected one of GET, POST, PUT, DELETE'],
    [['GET', '/api/v1/nothing'], 'there is no GET /api/v1/nothing (validation_failed)'],
    [['GET', '/api/v1/prompts', '-f', 'limit=x'], 'bulla: hint: /query/limit: '],
    [['GET', '/health/live', '-f', 'secret=x'], '/query/secret: not known here'],
    [['GET', '/api/v1/prompts', '-F', 'a=1'], 'a GET has no body'],
    [['POST', '/api/v1/prompts', '-f', 'secret'], '--field: expected name=text'],
    [['POST', '/api/v1/prompts', '-f', 'a=secret', '-F', 'a=1'], '--json-field: a is given twice'],
    [['POST', '/api/v1/prompts', '-F', 'a=secret'], '--json-field: that is not JSON'],
    [['POST', '/api/v1/prompts', '--if-match', 'secret'], '--if-match: expected a whole number'],
  ])('refuses %j', async (argv, message) => {
    const ended = await world.bulla(['api', ...argv]);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
    expect(ended.stderr).not.toContain('=secret');
  });
});

describe('bulla run', () => {
  it('takes messages of the asker, a responder and a longest answer', async () => {
    const messages = await world.file('messages.json', '[{"role":"user","content":"And now?"}]');
    const urn = 'urn:bulla:dev:svc:responder:local';
    const more = ['--messages', messages, '--responder', urn, '--max-output-tokens', '400'];
    const { stdout: answer } = await world.done(['run', 'claims/chat', '--json', '--show-question', ...more]);
    const verified = await world.done(['verify', '-'], { stdin: answer });
    expect(verified.stdout).toContain(` responder=${urn}#`);
  });

  it('prints what the model said in the shape of OpenAI', async () => {
    const { stdout } = await world.done(['run', 'claims/chat', '--completion', '--stream']);
    const text = await world.done(['run', 'claims/chat', '--raw']);
    expect(JSON.parse(stdout)).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: text.stdout }, finish_reason: 'stop' }],
    });
    const both = await world.bulla(['run', 'claims/chat', '--completion', '--json']);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('--json, --raw and --completion exclude') });
  });

  it.each([
    [['--messages', 'MESSAGES'], 'claims/triage', 'this prompt takes no messages of askers'],
    [['--messages', 'triage.md'], 'claims/chat', '--messages: it is no list of messages'],
    [['--messages', 'wrong.json'], 'claims/chat', '--messages: it is no list of messages at /0/role'],
    [['--max-output-tokens', '0'], 'claims/chat', '--max-output-tokens: expected a whole number'],
    [['--temperature', 'warm'], 'claims/chat', '--set temperature: expected a number from 0 to 2'],
    [['--temperature', '0.5'], 'claims/chat', 'this prompt does not let askers set temperature'],
    [['--set', 'sed=secret'], 'claims/chat', '--set: unknown parameter sed, did you mean seed?'],
    [['--set', 'seed'], 'claims/chat', '--set seed: expected name=value'],
    [['--responder', 'urn:bulla:dev:svc:responder:x'], 'claims/chat', `it lists ${RESPONDER}`],
    [['--var', 'claim=Water!'], 'short/claim', 'claim has 6 characters, and may have 5'],
  ])('says what is wrong with %j', async ([option = '', given = ''], prompt, message) => {
    await world.file('MESSAGES', '[{"role":"user","content":"And now?"}]');
    await world.file('wrong.json', '[{"role":"system","content":"secret"}]');
    const value = option === '--messages' ? world.path(given) : given;
    const vars = prompt === 'claims/triage' ? ['--var', 'claim=Water.'] : [];
    const ended = await world.bulla(['run', prompt, option, value, ...vars]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).not.toContain('secret');
  });
});

describe('a setting that names a file without end', () => {
  it.each(['BULLA_PROFILE', 'BULLA_IDENTITY'])('is refused: %s', async (name) => {
    world.env[name] = '/dev/zero';
    const ended = await world.bulla(['whoami']);
    delete world.env[name];
    expect(ended).toEqual({
      code: 1,
      stdout: '',
      stderr: 'bulla: error: /dev/zero is larger than 268435456 bytes\n',
    });
  });
});

describe('bulla verify', () => {
  it('says when the answer was made, and what each of its two times is', async () => {
    const { stdout: answer } = await world.done(['run', 'claims/triage', '--var', 'claim=Water.', '--json']);
    const { stdout } = await world.done(['verify', '-'], { stdin: answer });
    const made =
      /^made (\S+Z): by the clock of the responder, which signed it; nobody else vouches for that time$/m.exec(stdout);
    expect(stdout).toMatch(/^as of: the directory that the responder signed was issued then; /m);
    const { stdout: said } = await world.done(['verify', '-', '--json'], { stdin: answer });
    const { answer: proved, verdict } = JSON.parse(said) as { answer: { answeredAt: string }; verdict: string };
    expect(proved.answeredAt).toBe(made?.[1]);
    expect(Date.parse(proved.answeredAt)).toBeGreaterThanOrEqual(Date.parse(verdict.slice('VALID as of '.length)));
  });
});

describe('bulla seal', () => {
  it('says what it wrote, for whom and how large', async () => {
    for (const name of ['alice', 'bob']) await world.done(['keys', 'generate', world.path(name), '--suite', 'p256']);
    const [to, from] = [world.path('alice.pub.pem'), world.path('bob.key.pem')];
    for (const more of [[], ['--stream']]) {
      const path = world.path(`letter-${more.length}.sealed`);
      const { stderr } = await world.done([
        'seal',
        world.path('triage.md'),
        '--to',
        to,
        '--from',
        from,
        '-o',
        path,
        ...more,
      ]);
      const bytes = readFileSync(path).length;
      expect(stderr).toMatch(new RegExp(`^✔ written to ${path}, ${bytes} bytes: only [0-9a-f:]+ can open it$`, 'm'));
    }
  });
});

describe('completion', () => {
  const words = async (...typed: string[]) =>
    (await world.done(['__complete', '--', ...typed])).stdout.split('\n').slice(0, -1);

  it.each([
    [['prom'], ['prompt']],
    [
      ['prompt', 'pu'],
      ['pull', 'push'],
    ],
    [['prompt', 'push', '--fi'], ['--file']],
    [
      ['prompt', 'show', 'claims/'],
      ['claims/chat', 'claims/triage'],
    ],
    [['-q', 'run', '--var', 'claims', 'claims/t'], ['claims/triage']],
    [
      ['run', 'claims/triage', '--label', ''],
      ['latest', 'production', 'staging'],
    ],
    [['prompt', 'label', 'claims/triage', 'la'], ['latest']],
    [['prompt', 'promote', 'claims/triage', '1', '--label', 'pro'], ['production']],
    [
      ['keys', 'convert', 'alice.key.pem', '--to', ''],
      ['der', 'jwk', 'pem'],
    ],
    [['seal', '--to', ''], []],
    [
      ['prompt', 'confirm', 'claims/tr'],
      ['claims/triage@latest', 'claims/triage@production'],
    ],
    [['run', '--responder', ''], ['urn:bulla:dev:svc:responder:local']],
    [['approve', 'yes', ''], []],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['prompt', 'push', 'claims/triage', '-f', ''], []],
    [['nothing', ''], []],
  ])('of %j is %j', async (typed, found) => expect(await words(...typed)).toEqual(found));

  it('of a device is what this machine knows', async () =>
    expect(await words('device', 'revoke', 'dev_')).toContainEqual(expect.stringMatching(/^dev_[0-9a-z]{26}$/)));

  it('asks nobody, says nothing and does not wait where there is no vault, no profile or a vault that is silent', async () => {
    const bare = await World.make();
    for (const typed of [
      ['prompt', 'show', ''],
      ['device', 'revoke', ''],
      ['approve', 'yes', ''],
    ])
      expect(await bare.bulla(['__complete', '--', ...typed], { atTerminal: true })).toEqual({
        code: 0,
        stdout: '',
        stderr: '',
      });
    await bare.remove();
    world.fetch = () => new Promise(() => undefined);
    const startedMs = performance.now();
    expect(await world.bulla(['__complete', '--', 'prompt', 'show', ''])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    world.fetch = fetch;
  });

  it('works in bash', async () => {
    const script = await world.file('completion.bash', (await world.done(['completion', 'bash'])).stdout);
    const bash = `bulla() { printf '%s\\n' "$@" more; }
source ${script}
COMP_LINE='bulla prompt ' COMP_WORDS=(bulla prompt "") COMP_CWORD=2
_bulla
printf '[%s]' "\${COMPREPLY[@]}"
bulla() { printf '%s\\n' "$3" a/b@production urn:bulla:x; }
COMP_LINE='bulla  a/b@pro' COMP_WORDS=(bulla a/b @ pro) COMP_CWORD=3
_bulla
printf '[%s]' "\${COMPREPLY[@]}"
COMP_LINE='bulla urn:bulla:' COMP_WORDS=(bulla urn : bulla :) COMP_CWORD=4
_bulla
printf '[%s]' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', bash], { encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({
      stdout: '[__complete][--][prompt][more][@pro][@production][urn:bulla:x][][a/b@production][x]',
      stderr: '',
    });
  });
});
