import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Running } from './world.js';
import { World } from './world.js';

// The stream of a running vault and responder into a server over HTTP.

interface Entry {
  readonly origin: string;
  readonly index: number;
  readonly entry: { readonly act: string };
}

let world: World;
let running: Running;
let sink: Server;
let to: string;
let taken: Entry[];
let tokens: Set<string | undefined>;
let answer: (response: ServerResponse, batch: readonly Entry[]) => number;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim.\n\n{{claim}}\n');
  await world.done(['prompt', 'push', 'claims/triage', '-f', world.path('triage.md'), '--label', 'production']);
  await world.done(['run', 'claims/triage', '--var', 'claim=Water.']);
  sink = createServer((asked, response) => {
    let body = '';
    asked.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    asked.on('end', () => {
      tokens.add(asked.headers.authorization);
      const lines = body.split('\n').filter((line) => line !== '');
      const batch = lines.map((line) => JSON.parse(line) as Entry);
      const status = answer(response, batch);
      if (status === 200) taken.push(...batch);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  to = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/audit`;
});
afterAll(async () => {
  sink.closeAllConnections();
  await new Promise((resolve) => sink.close(resolve));
  await running.stop();
  await world.remove();
});
beforeEach(() => {
  [taken, tokens] = [[], new Set()];
  answer = () => 200;
  delete world.env['BULLA_STREAM_TOKEN'];
  delete world.env['BULLA_STREAM_TOKEN_FILE'];
});

const stream = (state: string, ...more: string[]) => [
  'audit',
  'stream',
  '--to',
  to,
  '--state',
  world.path(state),
  ...more,
];
const letters = (state: string, ...more: string[]) => ['audit', 'dead-letters', '--state', world.path(state), ...more];

/** The indexes of a log, in the order in which they came. */
function indexes(service: string): number[] {
  return taken.filter(({ origin }) => origin.endsWith(`${service}/audit/1`)).map(({ index }) => index);
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('bulla audit stream', () => {
  it('sends what is signed of every log, and then what comes, until it is stopped', async () => {
    // What was written a moment ago is signed a moment later, and sent then.
    while (!['envelope.issue', 'invocation.finish'].every((act) => taken.some(({ entry }) => entry.act === act))) {
      const { stderr } = await world.done(stream('once', '--once'));
      expect(stderr).toMatch(/^ended: \d+ entries sent since the start$/m);
    }
    expect(indexes('vault')).toEqual(upTo(indexes('vault').length));
    expect(indexes('local')).toEqual(upTo(indexes('local').length));
    const going = world.start(stream('once', '--json'));
    const before = indexes('vault').length;
    await world.done(['prompt', 'show', 'claims/triage']);
    while (!taken.some(({ entry }) => entry.act === 'version.get')) await pause();
    expect(await going.stop()).toBe(0);
    expect(indexes('vault')).toEqual(upTo(indexes('vault').length));
    expect(indexes('vault').length).toBeGreaterThan(before);
    expect(JSON.parse(going.stdout.text)).toEqual({ event: 'ended', sent: expect.any(Number), dead_letters: 0 });
  });

  it('comes to the end of a log that has nothing but its own readings to tell', async () => {
    // Each pause is long enough for what the reading before it left to be signed.
    let [runs, sent] = [0, -1];
    for (; sent !== 0 && runs < 12; runs += 1) {
      const before = taken.length;
      await world.done(stream('quiet', '--once'));
      sent = taken.length - before;
      await pause(600);
    }
    expect([sent, taken.length > 0]).toEqual([0, true]);
  });

  it('sends the token of a file, as it is at the moment, and prints it nowhere', async () => {
    world.env['BULLA_STREAM_TOKEN_FILE'] = await world.file('token', 'tok-1\n');
    answer = (_, batch) => {
      if (taken.length === 0 && batch.length > 0 && tokens.size === 1) return 401;
      return 200;
    };
    const going = world.start(stream('secret'));
    await going.stderr.holds('sink away');
    await writeFile(world.path('token'), 'tok-2');
    await going.stderr.holds('sink back');
    expect(await going.stop()).toBe(0);
    expect([...tokens]).toEqual(['Bearer tok-1', 'Bearer tok-2']);
    expect(going.stderr.text).toMatch(
      /^sink away for 0 s: the sink answered 401: .*BULLA_STREAM_TOKEN_FILE\); \d+ entries behind, the oldest for \d+ s; next try in \d s$/m,
    );
    expect(going.stderr.text + going.stdout.text).not.toContain('tok-');
  });

  it('begins with what comes next', async () => {
    const { stderr } = await world.done(stream('now', '--once', '--from-now'));
    expect([stderr, taken]).toEqual([expect.stringContaining('ended: 0 entries sent'), []]);
  });

  it('gives a sink up that takes nothing, with --once', async () => {
    const { code, stderr } = await world.bulla([
      'audit',
      'stream',
      '--once',
      '--to',
      'http://127.0.0.1:2/',
      '--state',
      world.path('nobody'),
    ]);
    expect([code, stderr]).toEqual([
      8,
      expect.stringContaining('the sink took nothing in 5 tries: nothing listens there'),
    ]);
    expect(stderr).toContain('it goes on with the first entry that the sink does not have');
  });

  it('is refused a folder of another stream, and one that is in use', async () => {
    await world.done(stream('mine', '--once'));
    const other = await world.bulla([
      'audit',
      'stream',
      '--to',
      `${to}/other`,
      '--state',
      world.path('mine'),
      '--once',
    ]);
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringContaining(`holds the place of a stream to ${to}; give`),
    ]);
    const going = world.start(stream('mine'));
    while (going.stderr.text === '' && !(await isHeld('mine'))) await pause();
    const second = await world.bulla(stream('mine', '--once'));
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('is in use by process')]);
    expect(await going.stop()).toBe(0);
  });

  it.each([
    [['--to', 'siem.example'], '--to: expected syslog+tls://HOST:6514'],
    [['--to', 'udp://siem.example:514'], '--to: expected'],
    [['--to', 'syslog+tls://siem.example/path'], '--to: expected'],
    [['--to', 'syslog+tls://siem.example', '--max-message', '100'], '--max-message: expected a number from 2048'],
    [['--to', 'syslog+tls://siem.example', '--enterprise', '0'], '--enterprise: expected a number from 1'],
    [['--to', 'https://siem.example/', '--cert', 'x'], '--cert and --key go together'],
    [['--to', 'https://siem.example/', '--ca', '/nowhere.pem'], 'cannot read /nowhere.pem'],
  ])('refuses %j', async (options, message) => {
    expect(await refusalOf(options)).toContain(message);
  });

  it.each([
    ['https://user:secret@siem.example/'],
    ['https://siem.example/audit?token=secret'],
    ['https://siem.example/audit#secret'],
  ])('refuses an address with a secret in it: %s [guard: sink-address-secrets]', async (address) => {
    const said = await refusalOf(['--to', address]);
    expect(said).toContain('without a name, a password or a query in it');
    expect(said).not.toContain('secret');
  });

  it.each([[[]], [['--plain']]])(
    'refuses http to another machine, with %j as well [guard: sink-plain-http]',
    async (more) => {
      const said = await refusalOf(['--to', 'http://siem.example/', ...more]);
      expect(said).toContain('http is for a sink on this machine');
    },
  );

  it('refuses plain syslog to another machine that nobody called safe [guard: sink-plain-syslog]', async () => {
    expect(await refusalOf(['--to', 'syslog+tcp://siem.invalid:601'])).toContain('syslog+tcp is not encrypted');
    const at = ['--state', world.path('plain'), '--to', 'syslog+tcp://siem.invalid:601'];
    const going = world.start(['audit', 'stream', '--plain', ...at]);
    await going.stderr.holds('sink away for 0 s: its name');
    expect(await going.stop()).toBe(0);
  });

  it('refuses a token that is more than a line, without printing it [guard: sink-token-form]', async () => {
    world.env['BULLA_STREAM_TOKEN'] = 'tok-1\r\nx-more: 1';
    const { code, stderr } = await world.bulla(stream('form', '--once'));
    expect([code, stderr]).toEqual([78, expect.stringContaining('BULLA_STREAM_TOKEN: expected a bearer token')]);
    expect(stderr).not.toContain('tok-1');
  });
});

/** What a command line is refused with, as one that is wrong. */
async function refusalOf(options: readonly string[]): Promise<string> {
  const { code, stderr } = await world.bulla(['audit', 'stream', '--state', world.path('bad'), '--once', ...options]);
  expect(code).toBe(2);
  return stderr;
}

async function isHeld(state: string): Promise<boolean> {
  return readFile(`${world.path(state)}/lock`, 'utf8').then(
    () => true,
    () => false,
  );
}

function pause(ms = 50): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe('bulla audit dead-letters', () => {
  it('shows what the sink refused, and sends it again', async () => {
    answer = (_, batch) => (batch.some(({ index, origin }) => index === 3 && origin.includes('vault')) ? 422 : 200);
    const { stderr } = await world.done(stream('dead', '--once'));
    expect(stderr).toMatch(
      /^refused, and set aside: entry 3 of bulla\/[0-9a-f]{16}\/dev\/vault\/audit\/1: the sink answered 422$/m,
    );
    expect(indexes('vault')).toEqual(upTo(indexes('vault').length + 1).filter((index) => index !== 3));

    const shown = await world.done(letters('dead'));
    expect(shown.stdout).toMatch(
      /^REFUSED +LOG +INDEX +WHY\n\S+ +bulla\/[0-9a-f]{16}\/dev\/vault\/audit\/1 +3 +the sink answered 422\n$/,
    );
    const listed = JSON.parse((await world.done(letters('dead', '--json'))).stdout) as { leaf: string };
    expect(JSON.parse(listed.leaf)).toMatchObject({ v: 1, org: 'dev' });

    const refused = await world.bulla(letters('dead', '--send', '--json'));
    expect([refused.code, JSON.parse(refused.stdout)]).toEqual([10, { sent: 0, left: 1 }]);
    answer = () => 200;
    const sent = await world.done(letters('dead', '--send'));
    expect(sent.stdout).toBe('✔ 1 dead letter sent, 0 left\n');
    expect(indexes('vault').at(-1)).toBe(3);
    expect((await world.done(letters('dead'))).stderr).toContain('the sink refused nothing');
  });

  it('ends with 10 while the sink refuses them [guard: dead-letters-left]', async () => {
    answer = (_, batch) => (batch.some(({ index }) => index === 0) ? 400 : 200);
    await world.done(stream('left', '--once'));
    const { code, stderr } = await world.bulla(letters('left', '--send'));
    expect([code, stderr]).toEqual([10, expect.stringContaining('the sink did not take 2 dead letters')]);
  });

  it('finds no stream where there is none', async () => {
    const { code, stderr } = await world.bulla(letters('nothing'));
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no stream in')]);
  });
});
