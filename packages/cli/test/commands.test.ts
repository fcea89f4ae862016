import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { ANSWER_CHECKS } from '@bulla/crypto';
import { FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

const ANSWER = ['Priority: ', 'high', '. ', 'Größe \u001b[31m', 'zählt.'];

let world: World;
let running: Running;
let model: FakeOpenai;
beforeAll(async () => {
  model = await startFakeOpenai({ replies: { tokens: ANSWER } });
  world = await World.make();
  world.env['BULLA_LLM'] = `openai:${model.url}`;
  running = await world.up('database');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
});
afterEach(() => {
  world.isTerminal = false;
  world.fetch = fetch;
});
afterAll(async () => {
  await running.stop();
  await model.stop();
  await world.remove();
});

const urlOf = (input: Parameters<typeof fetch>[0]): string =>
  input instanceof Request ? input.url : new URL(input).href;
const run = (...options: string[]) => world.bulla(['run', 'claims/triage', '--var', 'claim=Water.', ...options]);

describe('bulla run', () => {
  it.each([[[]], [['--stream']]])('prints the text and a newline into a pipe, byte for byte (%j)', async (options) => {
    expect(await run(...options)).toMatchObject({ code: 0, stdout: `${ANSWER.join('')}\n` });
  });

  it.each([[[]], [['--stream']]])(
    'prints exactly the text with --raw, and harmless at a terminal (%j)',
    async (options) => {
      const text = ANSWER.join('');
      expect(await run('--raw', '-q', ...options)).toEqual({ code: 0, stdout: text, stderr: '' });
      world.isTerminal = true;
      const shown = text.replace('\u001b', String.raw`\u{1b}`);
      expect(await run('--raw', '-q', ...options)).toEqual({ code: 0, stdout: shown, stderr: '' });
    },
  );

  it('shows on a terminal what the terminal would obey', async () => {
    world.isTerminal = true;
    expect((await run('--stream', '--no-color')).stdout).toContain('Größe \\u{1b}[31mzählt.');
  });

  it('writes into a file for its owner alone, text or answer.json', async () => {
    const path = world.path('answer.txt');
    expect(await run('--out', path, '--stream')).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(path, 'utf8')).toBe(`${ANSWER.join('')}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([[[]], [['--stream']]])('prints answer.json, which verifies from standard input (%j)', async (options) => {
    const { stdout } = await run('--json', ...options);
    const verified = await world.bulla(['verify', '-'], { stdin: stdout });
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('prompt=claims/triage@1 model=') });
    expect(verified.stdout).toContain('answer to a question whose content only the asker can show');
  });

  it('includes the question where it is asked to', async () => {
    const { stdout } = await run('--json', '--show-question');
    const verified = await world.bulla(['verify', '-', '--json'], { stdin: stdout });
    expect(JSON.parse(verified.stdout)).toMatchObject({
      valid: true,
      answer: { prompt: { name: 'claims/triage', version: 1 } },
    });
    expect((JSON.parse(stdout) as { evidence: object }).evidence).toHaveProperty('invocation');
  });

  it('ends with 10 and without a success line when the stream is cut, and what came stays on a line of its own', async () => {
    world.fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) return response;
      const text = (await response.text()).replace(/event: bulla\.final[\s\S]*$/, '');
      return new Response(text, response);
    };
    const ended = await run('--stream');
    expect(ended.code).toBe(10);
    expect(ended.stdout.endsWith('\n')).toBe(true);
    expect(ended.stderr).toContain('stream_truncated');
    expect(ended.stderr).not.toContain('signed by');
  });

  it('ends with 130 when it is interrupted', async () => {
    const ending = new AbortController();
    model.follow({ replies: { tokens: ['never'], delayBeforeTokensMs: Number.POSITIVE_INFINITY } });
    const arrived = model.arrival(model.requests.length);
    const ended = world.bulla(['run', 'claims/triage', '--var', 'claim=x', '--stream'], { signal: ending.signal });
    await arrived;
    ending.abort(new Error('SIGINT'));
    expect(await ended).toMatchObject({ code: 130, stderr: 'bulla: error: interrupted\n' });
    model.follow({ replies: { tokens: ANSWER } });
  });

  it('sends no file of the home folder in the place of a text', async () => {
    const asked = model.requests.length;
    const text = `@${world.path('home/identity.json')}`;
    const refused = await world.bulla(['run', 'claims/triage', '--var', `claim=${text}`]);
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--var-text') });
    expect(model.requests).toHaveLength(asked);
    expect(await world.bulla(['run', 'claims/triage', '--var-text', `claim=${text}`])).toMatchObject({ code: 0 });
    expect(model.requests.at(-1)?.body.toString()).toContain(text);
  });

  it('tells a model that fails from everything else', async () => {
    const { host } = new URL(model.url);
    for (const [reply, said, hint] of [
      [
        { status: 401, body: 'canary' },
        'refused the credentials of the responder (HTTP status 401)',
        'BULLA_LLM_API_KEY',
      ],
      [{ status: 404, body: 'canary' }, 'serves no chat completions under this URL (HTTP status 404)', 'with /v1 at'],
      [{ status: 500, body: 'canary' }, 'answered something else than a completion (HTTP status 500)', 'its log says'],
      [
        { tokens: ['half'], faults: [{ kind: 'cut', afterTokens: 1 }] },
        'ended its answer in the middle',
        'run it again',
      ],
      [{ contentType: 'text/html', body: 'canary' }, 'answered something that is no stream of', 'with /v1 at'],
    ] as const) {
      model.follow({ replies: reply });
      const { code, stderr } = await run();
      expect(code).not.toBe(0);
      expect(stderr).toContain(`error: claims/triage: the model server at ${host} ${said}`);
      expect(stderr).toMatch(new RegExp(`hint: .*${hint}`));
      expect(stderr).not.toContain('canary');
    }
    model.follow({ replies: { tokens: ANSWER } });
  });
});

describe('bulla verify', () => {
  it.each([
    ['a letter of the text', (file: string) => file.replace('{"text":"P', '{"text":"Q'), 'check text'],
    ['a space more', (file: string) => file.replace('{"text"', '{ "text"'), 'check answer-form'],
    ['a member more', (file: string) => file.replace('{"text"', '{"more":1,"text"'), 'check answer-form'],
  ])('names the check that %s fails', async (_name, change, check) => {
    const { stdout } = await run('--json');
    expect(await world.bulla(['verify', '-'], { stdin: change(stdout) })).toMatchObject({
      code: 10,
      stderr: expect.stringContaining(check),
    });
  });

  it('needs no key of this device, also where it looks for keys revoked since', async () => {
    const { stdout } = await run('--json');
    const identity = world.path('home/identity.json');
    renameSync(identity, `${identity}.away`);
    const verified = await world.bulla(['verify', '-'], { stdin: stdout });
    renameSync(`${identity}.away`, identity);
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/^– revoked-since .*the answer’s own/m) });
  });

  it('says of each check what it looked at, against what, for which moment, and what it does not prove', async () => {
    const { stdout } = await run('--json');
    // Both at one moment, which they print.
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now());
    const { stdout: said } = await world.bulla(['verify', '-', '--explain'], { stdin: stdout });
    const { stdout: read } = await world.bulla(['verify', '-', '--json'], { stdin: stdout });
    clock.mockRestore();
    const { checks, answer } = JSON.parse(read) as {
      checks: { name: string; against: string; at?: string }[];
      answer: { checkpoint?: string };
    };
    // Whether the log had a checkpoint when this was answered, the clock decides.
    const due = ANSWER_CHECKS.filter((name) => name !== 'checkpoint' || answer.checkpoint !== undefined);
    expect(checks.map(({ name }) => name)).toEqual(due);
    for (const what of ['checked', 'against', 'at', 'not proved'])
      expect(said.match(new RegExp(`^    ${what}  +\\S`, 'gm'))).toHaveLength(checks.length);
    for (const { against, at = '' } of checks) {
      expect(said).toContain(against);
      expect(said).toContain(at);
    }
  });

  it('tells programs which check failed, and nothing that the file says', async () => {
    const { stdout } = await run('--json');
    const changed = stdout.replace('{"text":"P', '{"text":"Q');
    const { code, stdout: said } = await world.bulla(['verify', '-', '--json'], { stdin: changed });
    expect(code).toBe(10);
    const verdict = JSON.parse(said) as { checks: object[] };
    expect(verdict).toMatchObject({
      valid: false,
      verdict: 'REFUSED',
      failure: { code: 'envelope_tampered', check: 'text' },
    });
    expect(verdict).not.toHaveProperty('answer');
    expect(verdict.checks.at(-1)).toMatchObject({ name: 'text', state: 'failed' });
  });

  it('needs a pin where there is no profile, and no vault', async () => {
    const { stdout } = await run('--json');
    const pin = (await world.bulla(['trust', 'pin'])).stdout.trim();
    const stranger = await World.make();
    stranger.fetch = () => Promise.reject(new Error('nobody is asked'));
    expect(await stranger.bulla(['verify', '-'], { stdin: stdout })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--pin'),
    });
    expect(await stranger.bulla(['verify', '-', '--pin', pin], { stdin: stdout })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('VALID as of'),
    });
    expect(existsSync(stranger.path('home'))).toBe(false);
    await stranger.remove();
  });
});

describe('bulla prompt', () => {
  const parsed = async (...argv: string[]): Promise<unknown> =>
    JSON.parse((await world.bulla([...argv, '--json'])).stdout);

  it('prints JSON for programs', async () => {
    const path = world.path('triage.md');
    expect(await parsed('prompt', 'push', 'json/one', '-f', path, '--label', 'staging')).toMatchObject({
      name: 'json/one',
      version: 1,
      changed: true,
      labels: ['staging', 'latest'],
    });
    expect(await parsed('prompt', 'show', 'json/one')).toMatchObject({
      version: 1,
      messages: [{ role: 'user', content: 'Sort this claim.\n\n{{claim}}' }],
      vars: { claim: { type: 'string', max: 65_536 } },
      input: { messages: false },
      protect_until: expect.stringMatching(/^\d{4}/),
    });
    expect(await parsed('prompt', 'list', 'json/')).toMatchObject([{ name: 'json/one', latest_version: 1 }]);
    expect(await parsed('prompt', 'history', 'json/one')).toMatchObject([{ version: 1 }]);
  });

  it('refuses a file that names a responder which the directory does not list, by line [guard: push-unlisted-responder]', async () => {
    const file = await world.file(
      'elsewhere.md',
      '---\nacl:\n  responders: [urn:bulla:dev:svc:responder:x]\n---\nSort it.\n',
    );
    expect(await world.bulla(['prompt', 'push', 'claims/elsewhere', '-f', file])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        `bulla: error: ${file}:3: acl.responders[0]: the directory lists no such responder`,
      ),
    });
  });

  it('refuses a message that no version can carry', async () => {
    const argv = ['prompt', 'push', 'words/two', '-f', world.path('triage.md'), '-m', 'x'.repeat(1_001)];
    expect(await world.bulla(argv)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('at most 1,000 characters'),
    });
  });

  it('says so where a prompt has no variables, or has defaults', async () => {
    const plain = await world.bulla(['prompt', 'push', 'words/three', '-f', '-'], { stdin: 'Hello.\n' });
    expect(plain.stderr).toContain('no variables');
    const withDefault = await world.bulla(['prompt', 'push', 'words/four', '-f', '-'], {
      stdin: '---\nvars: {a: {default: x}}\n---\nHello {{a}}.\n',
    });
    expect(withDefault.stderr).toContain('1 variable: a (has a default)');
  });
});

describe('bulla demo', () => {
  /** Puts something else in the place of every answer after the two that it asks for; a busy responder may send the client again. */
  const afterItsQuestions = (answer: () => Response) => {
    let answered = 0;
    world.fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (!urlOf(input).endsWith('/invocations')) return response;
      if (answered === 2) return answer();
      if (response.ok) answered += 1;
      return response;
    };
  };

  it('passes as often as it is run, prints each check and refuses every attack', async () => {
    // Others may have run it before.
    await world.bulla(['prompt', 'delete', 'demo/claim-triage', '--yes']);
    const first = await world.bulla(['demo', '--out', world.path('demo.json')]);
    expect(first.code).toBe(0);
    // One more where the log of the responder had a checkpoint by then.
    const checks = /✔ checkpoint /.test(first.stdout) ? 17 : 16;
    expect(first.stdout).toMatch(
      new RegExp(`demo ok: ${checks} checks of the answer passed, 7 attacks were refused\\n$`),
    );
    expect(first.stdout).toContain('sealed for this device, responder local');
    const second = await world.bulla(['demo']);
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('there already, unchanged') });
    expect(await world.bulla(['verify', world.path('demo.json')])).toMatchObject({ code: 0 });
  });

  it('ends with 10 when a responder answers what it must refuse, and says what it was, also to programs', async () => {
    const refused = { code: 10, stderr: expect.stringContaining('(check tampering)') };
    const attempt = 'the same envelope for a second question';
    afterItsQuestions(() => new Response('{}', { status: 200 }));
    expect(await world.bulla(['demo'])).toMatchObject({
      ...refused,
      stdout: expect.stringMatching(new RegExp(`^✘ ACCEPTED +${attempt}$`, 'm')),
    });
    afterItsQuestions(() => new Response('{}', { status: 200 }));
    const read = await world.bulla(['demo', '--json']);
    expect(read).toMatchObject(refused);
    expect(JSON.parse(read.stdout)).toMatchObject({
      ok: false,
      checks: expect.arrayContaining([expect.objectContaining({ name: 'ACCEPTED', ok: false, detail: attempt })]),
    });
  });

  it('says what answered where that is no service', async () => {
    afterItsQuestions(() => new Response('{}', { status: 418 }));
    expect(await world.bulla(['demo'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('something answered 418'),
    });
  });
});

describe('bulla trust', () => {
  it('shows documents and keys, in words and as JSON', async () => {
    const shown = await world.bulla(['trust', 'show']);
    expect(shown.stdout).toMatch(
      /^organisation {4}dev \(development\)\npin {13}sha256:[0-9a-f]{64}\nroot {12}version 1, of .*Z, until .*Z\n/,
    );
    expect(shown.stdout).toMatch(/\nthis device +[0-9a-f:]{39} +http invoke content tag +rsa2048 +active\n/);
    const served = await fetch(`${running.url('vault')}/.well-known/bulla/dev/directory.json`);
    const version = Number(/^"(\d+)"$/.exec(served.headers.get('etag') ?? '')?.[1]);
    expect(version).toBeGreaterThanOrEqual(1);
    expect(JSON.parse((await world.bulla(['trust', 'show', '--json'])).stdout)).toMatchObject({
      org: 'dev',
      directory: { version },
    });
  });

  it('compares a pin, and replaces it only when told so', async () => {
    const before = (await world.bulla(['trust', 'pin'])).stdout.trim();
    const other = `sha256:${'0'.repeat(64)}`;
    expect(await world.bulla(['trust', 'pin', before])).toMatchObject({
      code: 0,
      stdout: '✔ this is the pinned root\n',
    });
    expect(await world.bulla(['trust', 'pin', other])).toMatchObject({ code: 10 });
    expect(await world.bulla(['trust', 'pin', other, '--replace'])).toMatchObject({ code: 0 });
    expect(await world.bulla(['prompt', 'list'])).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('pin_mismatch'),
    });
    expect(await world.bulla(['trust', 'pin', before, '--replace'])).toMatchObject({ code: 0 });
    expect(await world.bulla(['prompt', 'list'])).toMatchObject({ code: 0 });
  });

  it('signs no document of a new organisation again, and says what is the newest', async () => {
    expect(await world.bulla(['trust', 'renew'])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^directory version \d+ and \d+ labels are the newest\n$/),
      stderr: '',
    });
  });
});

describe('bulla doctor and status', () => {
  it('find everything well while the services run', async () => {
    const doctor = await world.bulla(['doctor']);
    expect(doctor).toMatchObject({ code: 0, stderr: 'everything is well\n' });
    for (const name of [
      'node',
      'home',
      'settings',
      'vault',
      'vault clock',
      'pin',
      'root',
      'policy',
      'directory',
      'identity',
      'labels',
      'responder',
      'responder clock',
      'database',
      'model',
    ]) {
      expect(doctor.stdout).toMatch(new RegExp(`^✔ ${name} `, 'm'));
    }
    expect((await world.bulla(['status'])).stdout).toMatch(/^vault +http:\/\/127\.0\.0\.1:\d+ is ready/m);
    const status = JSON.parse((await world.bulla(['status', '--json'])).stdout) as { name: string; data: object }[];
    const data = Object.fromEntries(status.map((found) => [found.name, found.data]));
    const place = world.env['BULLA_DATABASE_URL'] === undefined ? /^embedded$/ : /^\S+:\d+\/\w+$/;
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(data).toMatchObject({
      home: { folder: world.path('home') },
      vault: { url: running.url('vault'), answers: true, ready: true, checks: [{ name: 'database', ok: true }] },
      pin: { pin: expect.stringMatching(/^sha256:/), org: 'dev', profile: 'development' },
      directory: { version: expect.any(Number), expires: time },
      freshness: { until: time, renewers: [{ urn: expect.stringMatching(/^urn:bulla:dev:dev:/), spoke_at: time }] },
      identity: { urn: expect.stringMatching(/^urn:bulla:dev:dev:/), signs_until: time },
      labels: { prompts: expect.any(Number), signed_until: time, newest_until: time },
      database: { place: expect.stringMatching(place) },
      model: { host: new URL(model.url).host, models: ['fake-model'] },
    });
  });

  it('say what is wrong and how to mend it where nothing is there', async () => {
    const empty = await World.make();
    empty.env = {
      ...empty.env,
      BULLA_DATABASE_URL: 'postgresql://u:canary@127.0.0.1:1/d',
      BULLA_REDIS_URL: 'redis://127.0.0.1:1',
      BULLA_VAULT_PORT: '4999',
    };
    const doctor = await empty.bulla(['doctor']);
    expect(doctor).toMatchObject({ code: 1, stdout: expect.stringContaining('mend it: run `bulla up`') });
    expect(doctor.stdout).toMatch(
      /^✘ database +no PostgreSQL listens at 127\.0\.0\.1:1\n +mend it: start it there, or mend host and port in BULLA_DATABASE_URL$/m,
    );
    expect(doctor.stdout).toMatch(/^✘ redis /m);
    expect(doctor.stdout).not.toContain('canary');
    const status = await empty.bulla(['status', '--json']);
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toContainEqual(expect.objectContaining({ name: 'profile', ok: false }));
    await empty.remove();
  });

  it('name settings that are wrong and files that are broken', async () => {
    const broken = await World.make();
    broken.env['BULLA_VAULT_PROT'] = '1';
    expect(await broken.bulla(['init'])).toMatchObject({ code: 78 });
    delete broken.env['BULLA_VAULT_PROT'];
    expect(await broken.bulla(['init'])).toMatchObject({ code: 0 });
    const stopped = await broken.bulla(['doctor', '--json']);
    expect(JSON.parse(stopped.stdout)).toContainEqual(
      expect.objectContaining({ name: 'vault', ok: false, fix: 'start it: bulla up (or npm start)' }),
    );
    await writeFile(broken.path('home/identity.json'), '{}');
    broken.env['BULLA_VAULT_PROT'] = '1';
    const doctor = await broken.bulla(['doctor', '--json']);
    const findings = JSON.parse(doctor.stdout) as { name: string; ok: boolean; detail: string }[];
    expect(findings).toContainEqual(
      expect.objectContaining({ name: 'settings', ok: false, detail: expect.stringContaining('BULLA_VAULT_PROT') }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({ name: 'identity', ok: false, detail: expect.stringContaining('is not a key file') }),
    );
    await broken.remove();
  });
});

describe('bulla usage', () => {
  it('says what runs took, and of how many the cost is not known', async () => {
    expect(await run()).toMatchObject({ code: 0 });
    const told = async () => {
      const { stdout } = await world.done(['usage', '--since', '1h', '--json']);
      return JSON.parse(stdout) as { data: { runs: number }[] };
    };
    // The responder reports every ten seconds.
    while ((await told()).data.length === 0) await new Promise((resolve) => setTimeout(resolve, 250));
    const { stdout, stderr } = await world.done(['usage', '--by', 'device']);
    expect(stdout).toMatch(
      /^DEVICE +RUNS +FAILED +TOKENS IN +TOKENS OUT +COST\nthis device +\d+ +\d+ +[\d,]+ +[\d,]+\n$/,
    );
    expect(stderr).toMatch(/^(?:of \d+ runs? .* took\n)?of \d+ runs? no cost is known\n$/);
    const narrow = await world.done(['usage', '--by', 'prompt'], { atTerminal: true, columns: 40 });
    expect(narrow.stdout).toMatch(/^PROMPT +claims\/triage\n/m);
  });

  it('says that nothing is counted in a time without runs', async () => {
    const { stdout, stderr } = await world.done(['usage', '--by', 'hour', '--until', '2020-01-01']);
    expect([stdout, stderr]).toEqual(['', 'nothing is counted in that time\n']);
  });

  it.each([
    ['--by', 'moon'],
    ['--since', 'yesterday'],
  ])('takes no %s %s', async (option, value) => {
    expect(await world.bulla(['usage', option, value])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('bulla models list', () => {
  it('shows the names, and says where other names are asked for too', async () => {
    const { stdout, stderr } = await world.done(['models', 'list']);
    expect(stdout).toBe('   MODEL    STANDS FOR  ASKED AT  CAN  PRICE\n*  default              openai\n');
    expect(stderr).toBe(
      '* answers prompts that name no model\nother names are asked for too, as they are: the model server decides\n',
    );
  });

  it('asks no responder that is not in the directory', async () => {
    const refused = await world.bulla(['models', 'list', '--responder', 'urn:bulla:dev:svc:responder:moon']);
    expect(refused).toMatchObject({ stdout: '', stderr: expect.stringContaining('lists no responder of that name') });
  });
});

describe('bulla models test', () => {
  it('asks each model from here, says who answered, and ends with 1 where one did not', async () => {
    const { BULLA_LLM } = world.env;
    delete world.env['BULLA_LLM'];
    world.env['BULLA_MODELS_FILE'] = await world.file(
      'models.yaml',
      `upstreams: {a: {url: "${model.url}"}, b: {url: "http://127.0.0.1:1/v1"}}
models:
  m: {upstream: a, name: the-model, fallbacks: [{upstream: b}]}
  v: {upstream: a, can: [embeddings]}
default: m
`,
    );
    model.follow({ replies: { tokens: ANSWER } });
    const { code, stdout } = await world.bulla(['models', 'test']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^✔ m at a: the-model answered in \d+\.\d s, 5 in \/ \d+ out tokens\n✘ m at b: the model server at 127\.0\.0\.1:1 could not be reached: nobody listens there\n– v at a: it makes embeddings, and was not asked\n$/,
    );
    delete world.env['BULLA_MODELS_FILE'];
    world.env['BULLA_LLM'] = BULLA_LLM;
  });
});

describe('bulla doctor', () => {
  const findings = async (of: World) =>
    JSON.parse((await of.bulla(['doctor', '--json'])).stdout) as { name: string; detail: string; fix?: string }[];

  it('asks the model server, and says what became of it', async () => {
    model.follow({ models: ['one'] });
    const { host } = new URL(model.url);
    const ofModel = async () => (await world.bulla(['doctor'])).stdout.match(/^. model.*(\n +mend it.*)?/m)?.[0];
    expect(await ofModel()).toBe(`✔ model                ${host} answers; its one model is one`);
    const { BULLA_LLM } = world.env;
    world.env['BULLA_LLM_API_KEY'] = 'canary';
    world.env['BULLA_LLM'] = BULLA_LLM?.replace('/v1', '');
    expect(await ofModel()).toMatch(
      /^✘ model +the model server at \S+ serves no chat .*\(HTTP status 404\)\n.*with \/v1 at/,
    );
    world.env['BULLA_LLM'] = 'openai:http://127.0.0.1:1/v1';
    expect(await ofModel()).toBe(
      '✘ model                the model server at 127.0.0.1:1 could not be reached: nobody listens there\n    mend it: start it, or mend BULLA_LLM or BULLA_MODELS_FILE where the responder runs',
    );
    delete world.env['BULLA_LLM_API_KEY'];
    world.env['BULLA_LLM'] = BULLA_LLM;
    model.follow({ replies: { tokens: ANSWER } });
  });

  it('asks each server of a file of models, and says what is wrong with the file', async () => {
    const { BULLA_LLM } = world.env;
    delete world.env['BULLA_LLM'];
    const servers = `upstreams: {a: {url: "${model.url}"}, b: {url: "http://127.0.0.1:1/v1"}}\n`;
    const names = 'models: {m: {upstream: a}, n: {upstream: b}}\ndefault: m\n';
    const ofFile = async (text: string) => {
      world.env['BULLA_MODELS_FILE'] = await world.file('models.yaml', text);
      return (await findings(world)).filter(({ name }) => name === 'model');
    };
    model.follow({ models: ['one', 'two'] });
    expect(await ofFile(servers + names)).toMatchObject([
      { ok: true, detail: `${new URL(model.url).host} answers; it lists 2 models` },
      { ok: false, detail: expect.stringContaining('127.0.0.1:1 could not be reached') },
    ]);
    expect(await ofFile('models: {m: {upstream: builtin:echo}}\n')).toMatchObject([
      { ok: true, detail: expect.stringContaining('models.yaml names no model server') },
    ]);
    expect(await ofFile(`${servers}models: {m: {upstream: c}}\n`)).toMatchObject([
      { ok: false, detail: expect.stringMatching(/models\.yaml:2:24: expected the name of one of upstreams/) },
    ]);
    delete world.env['BULLA_MODELS_FILE'];
    world.env['BULLA_LLM'] = BULLA_LLM;
    model.follow({ replies: { tokens: ANSWER } });
  });

  it('says of a locked identity what opens it', async () => {
    const locked = await World.make();
    await locked.done(['init']);
    expect(await locked.bulla(['keys', 'lock'], { stdin: 'six words that nobody guesses\n' })).toMatchObject({
      code: 0,
    });
    expect(await findings(locked)).toContainEqual(
      expect.objectContaining({
        name: 'identity',
        ok: false,
        detail: expect.stringContaining('BULLA_PASSPHRASE_FILE'),
      }),
    );
    await locked.remove();
  });

  it('says of a device that asked to come in what it waits for, as every command does, and of a revoked one no more than that', async () => {
    const other = await World.make();
    const { stdout } = await world.bulla(['device', 'invite', '--label', 'doctor', '--role', 'invoker']);
    await other.bulla(['device', 'enrol'], { stdin: stdout });
    expect(await findings(other)).toContainEqual(
      expect.objectContaining({ name: 'profile', fix: expect.stringContaining('`bulla device enrol` again') }),
    );
    expect(await other.bulla(['prompt', 'list'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('this device is not in yet'),
    });
    expect(await world.bulla(['device', 'approve'])).toMatchObject({ code: 0 });
    expect(await other.bulla(['device', 'enrol'])).toMatchObject({ code: 0 });
    // Its services run elsewhere: their ports, their database and their model are not looked for here.
    other.env['BULLA_VAULT_PORT'] = new URL(running.url('vault')).port;
    const elsewhere = await other.bulla(['doctor']);
    expect(elsewhere).toMatchObject({ code: 0 });
    expect(elsewhere.stdout).not.toMatch(/database +|model +|port /);
    expect((await other.bulla(['status'])).stdout).not.toMatch(/^(database|model) /m);
    other.env['BULLA_URL'] = 'http://127.0.0.1:1';
    const away = await other.bulla(['doctor']);
    expect(away.stdout).toMatch(
      /^✘ vault +http:\/\/127\.0\.0\.1:1 does not answer.*\n +mend it: it runs elsewhere: ask/m,
    );
    expect(away.stdout).not.toMatch(/port|bulla up/);
    delete other.env['BULLA_URL'];
    expect(await world.bulla(['device', 'revoke', 'doctor', '--yes'])).toMatchObject({ code: 0 });
    const revoked = await findings(other);
    expect(revoked).toContainEqual(
      expect.objectContaining({
        name: 'identity',
        detail: expect.stringContaining('revokes this device'),
        fix: expect.stringContaining('ask an owner for an invitation'),
      }),
    );
    expect(revoked.map(({ name }) => name)).not.toContain('labels');
    await other.remove();
  });

  it('calls no port that another Bulla has one of something else', async () => {
    const other = await World.make();
    const { port } = new URL(
      (JSON.parse(readFileSync(world.path('home/profile.json'), 'utf8')) as { vault_url: string }).vault_url,
    );
    other.env['BULLA_VAULT_PORT'] = port;
    expect(await findings(other)).toContainEqual(
      expect.objectContaining({ name: 'vault port', ok: false, detail: `port ${port} is in use` }),
    );
    await other.remove();
  });
});

describe('commands without what they need', () => {
  it.each([
    ['a profile', 'profile.json', /there is no profile in .*bulla up/s],
    ['an identity', 'identity.json', /there is no identity at .*bulla up/s],
  ])('say that there is no %s and how to get one', async (_name, file, message) => {
    const bare = await World.make();
    await bare.done(['init']);
    await rm(bare.path(`home/${file}`));
    expect(await bare.bulla(['prompt', 'list'])).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
    await bare.remove();
  });

  it('take profile and identity from elsewhere', async () => {
    const elsewhere = await World.make();
    elsewhere.env = {
      ...elsewhere.env,
      BULLA_PROFILE: world.path('home/profile.json'),
      BULLA_IDENTITY: world.path('home/identity.json'),
    };
    expect(await elsewhere.bulla(['prompt', 'list', 'claims/'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('claims/triage'),
    });
    elsewhere.env['BULLA_IDENTITY'] = elsewhere.path('nothing.json');
    expect(await elsewhere.bulla(['prompt', 'list'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing.json'),
    });
    await elsewhere.remove();
  });

  it.each([
    ['the services', ['up'], 'the services are not installed here'],
    ['the testkit', ['dev', 'fake-openai'], 'the testkit is not installed here'],
  ])('say that %s are not installed', async (_name, argv, message) => {
    const bare = await World.make();
    bare.load = () => Promise.reject(Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' }));
    expect(await bare.bulla(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    bare.load = () => Promise.reject(new SyntaxError('canary'));
    const broken = await bare.bulla(argv);
    expect(broken).toMatchObject({ code: 1, stderr: expect.stringContaining('SyntaxError') });
    expect(broken.stderr).not.toContain('canary');
    await bare.remove();
  });
});

describe('help', () => {
  it.each([
    [['--help']],
    [['up', '--help']],
    [['prompt', '--help']],
    [['run', '--help']],
    [['verify', '--help']],
    [['trust', '--help']],
    [['demo', '--help']],
    [['doctor', '--help']],
    [['dev', 'fake-openai', '--help']],
  ])('of %j teaches with examples, on standard output', async (argv) => {
    const ended = await world.bulla(argv);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/ {2}\$ bulla /);
  });

  it('tells the version', async () =>
    expect(await world.bulla(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' }));
});

describe('bulla dev fake-openai', () => {
  it('answers like OpenAI until it is stopped', async () => {
    const fake = world.start(['dev', 'fake-openai', '--text', 'Hello there.']);
    await fake.stdout.holds('bulla: use it');
    const url = /fake-openai {2}(\S+)/.exec(fake.stdout.text)?.[1] ?? '';
    const response = await fetch(`${url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }] }),
    });
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hello there.' } }] });
    expect(await fake.stop()).toBe(0);
    expect(fake.stderr.text).toContain('stopped after 1 requests');
  });

  it('answers by a script, and tells in the end what came and how often', async () => {
    const [script, record] = [world.path('script.json'), world.path('record.bin')];
    await writeFile(
      script,
      JSON.stringify({ replies: [{ status: 503, body: 'busy' }, { tokens: ['Hello ', 'again.'] }] }),
    );
    const fake = world.start(['dev', 'fake-openai', '--script', script, '--record', record]);
    await fake.stdout.holds('bulla: use it');
    const url = /fake-openai {2}(\S+)/.exec(fake.stdout.text)?.[1] ?? '';
    const ask = () =>
      fetch(`${url}/chat/completions`, {
        method: 'POST',
        headers: { 'x-request-id': 'inv_1' },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'recorded-canary' }] }),
      });
    expect((await ask()).status).toBe(503);
    expect(await (await ask()).json()).toMatchObject({ choices: [{ message: { content: 'Hello again.' } }] });
    expect(await fake.stop()).toBe(0);
    expect(fake.stdout.text).toContain('inv_1  1 begun  1 sent whole\n');
    expect((await readFile(record, 'utf8')).split('recorded-canary')).toHaveLength(3);
    await writeFile(script, '{"replies":{"token":[]}}');
    expect(await world.bulla(['dev', 'fake-openai', '--script', script])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--script: the script has a member that is not known, or of another kind: token'),
    });
  });
});
