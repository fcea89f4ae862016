import { readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest, freePorts, placePglite } from '@bulla/testkit';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { World } from './world.js';

const server = await databaseForTest({ empty: true });
const withServer = server.url === undefined ? describe.skip : describe;
afterAll(() => server.drop());

let world: World;
beforeEach(async () => {
  world = await World.make('embedded');
});
afterEach(() => {
  jest.restoreAllMocks();
  return world.remove();
});

/** Makes a home folder whose embedded database is there: making one is the subject of one test alone. */
async function prepareHome(): Promise<void> {
  await mkdir(world.path('home'), { mode: 0o700 });
  placePglite(world.path('home/pglite'));
}

describe('bulla up with a root key that is made of a passphrase', () => {
  it('asks for it at the terminal, twice the first time, and repeats it nowhere', async () => {
    await prepareHome();
    const salt = world.path('root.salt');
    await world.done(['keys', 'generate', '--root', salt, '--passphrase']);
    world.env['BULLA_ROOT_KEY'] = `passphrase:${salt}`;
    const stdin = 'kestrel velvet harbour copper\rkestrel velvet harbour\r';
    const { code, stdout, stderr } = await world.bulla(['up'], { stdin, atTerminal: true });
    expect(stderr).toContain('BULLA_ROOT_PASSPHRASE: the two passphrases differ; start it again');
    expect(`${stdout}${stderr}`).not.toContain('kestrel');
    expect(code).toBe(78);
  });
});

describe('bulla init', () => {
  it('leaves the mode of a folder that was there, and says what closes it [guard: open-home]', async () => {
    const home = world.path('home');
    await mkdir(home);
    await chmod(home, 0o755);
    const { stderr } = await world.done(['init']);
    expect(stderr).toContain(
      `bulla: note: others may look into ${home}, where keys are kept; run: chmod 700 ${home}\n`,
    );
    expect(statSync(home).mode & 0o777).toBe(0o755);
    for (const entry of readdirSync(home, { recursive: true, withFileTypes: true }))
      expect(statSync(`${entry.parentPath}/${entry.name}`).mode & 0o077).toBe(0);
    await chmod(home, 0o700);
    expect((await world.done(['init'])).stderr).not.toContain('others may look into');
  });

  it('does not look at ports: the services of another folder may run there', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const beside = await World.make('embedded');
    beside.env['BULLA_VAULT_PORT'] = `${port}`;
    expect(await beside.bulla(['init'])).toMatchObject({ code: 0 });
    const profile = JSON.parse(readFileSync(beside.path('home/profile.json'), 'utf8')) as { vault_url: string };
    expect(profile.vault_url).toBe(`http://127.0.0.1:${port}`);
    await new Promise((resolve) => other.close(resolve));
    await beside.remove();
  });

  it('ends where the system makes no folder', async () => {
    const nowhere = await World.make('embedded');
    nowhere.env['BULLA_HOME'] = '/proc/bulla';
    expect(await nowhere.bulla(['init'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'bulla: error: cannot make the folder /proc/bulla (ENOENT); set BULLA_HOME to another one\n',
    });
    await nowhere.remove();
  });

  it('makes an organisation once and changes nothing after', async () => {
    const first = await world.bulla(['init']);
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^organisation dev {2}sha256:[0-9a-f]{64} {2}in /),
    });
    expect(first.stderr).toContain('✔ directory version 1 signed for 90 days');
    const files = () =>
      readdirSync(world.path('home'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'));
    const before = files();
    // The same addresses: other ones would be a change that the directory has to say.
    const url = (JSON.parse(readFileSync(world.path('home/profile.json'), 'utf8')) as { vault_url: string }).vault_url;
    const responder = /"url":"(http:\/\/127\.0\.0\.1:\d+)"/g;
    const directory = Buffer.from(
      (JSON.parse(readFileSync(world.path('home/org/dev/directory.json'), 'utf8')) as { payload: string }).payload,
      'base64url',
    ).toString();
    const [responderUrl = ''] = [...directory.matchAll(responder)]
      .map(([, address = '']) => address)
      .filter((address) => address !== url);
    // By URL and not by port: another test may have been given one of the ports meanwhile.
    const second = await world.bulla(['init', '--vault-url', url, '--responder-url', responderUrl]);
    expect(second).toMatchObject({
      code: 0,
      stdout: first.stdout,
      stderr: expect.stringContaining('everything was there: nothing changed'),
    });
    expect(files()).toEqual(before);
  });
});

describe('bulla up', () => {
  it('says who one is and what the pin is, the first time', async () => {
    await prepareHome();
    const first = await world.up();
    await first.stop();
    expect(first.stderr.text).toMatch(
      /bulla: this device is urn:bulla:dev:dev:dev_\w+, the owner, with key [0-9a-f]{4}(:[0-9a-f]{4}){7}\n/,
    );
    expect(first.stderr.text).toMatch(/bulla: the pin is sha256:[0-9a-f]{64}: with it anybody can verify answers\n/);
    const second = await world.up();
    await second.stop();
    expect(second.stderr.text).not.toContain('the pin is');
  });

  it.each([
    ['a terminal', true, {}, ['pretty', 'warn']],
    ['a terminal, where settings say otherwise', true, { BULLA_LOG_LEVEL: 'info' }, ['pretty', 'info']],
    ['a terminal, where files do', true, { BULLA_LOG_FORMAT_FILE: '/f', BULLA_LOG_LEVEL: '' }, [undefined, 'warn']],
    ['no terminal', false, {}, [undefined, undefined]],
  ])('logs for who reads it: %s', async (_name, isTerminal, settings, expected) => {
    delete world.env['BULLA_LOG_LEVEL'];
    Object.assign(world.env, settings);
    world.isTerminal = isTerminal;
    let read: Readonly<Record<string, string | undefined>> = {};
    world.load = () =>
      Promise.resolve({
        readStandaloneSettings(env: typeof read) {
          read = env;
          throw Object.assign(new Error('read'), { exitCode: 78 });
        },
      });
    expect(await world.bulla(['up'])).toMatchObject({ code: 78 });
    expect([read['BULLA_LOG_FORMAT'], read['BULLA_LOG_LEVEL']]).toEqual(expected);
  });

  it('renews what is due, follows a change of ports, and takes the organisation to a vault that missed versions', async () => {
    await prepareHome();
    const first = await world.up();
    expect(first.stdout.text.split('\n')).toHaveLength(4);
    expect(first.stdout.text).toContain(`BULLA_HOME=${world.path('home')} npx bulla demo`);
    expect(await world.bulla(['demo'])).toMatchObject({ code: 0 });
    expect(await first.stop()).toBe(0);
    expect(readdirSync(world.path('home'))).not.toContain('lock');

    // Two changes that no vault sees, as if its database had been another one meanwhile.
    await world.done(['init']);
    await world.done(['init']);
    const second = await world.up();
    const [, version = ''] = /directory version (\d+) signed/.exec(second.stderr.text) ?? [];
    // One more where another test took a port meanwhile: the start before had signed for that.
    expect(Number(version)).toBeGreaterThanOrEqual(4);
    const current = `directory ${version}`;
    expect(await world.bulla(['demo'])).toMatchObject({ code: 0, stdout: expect.stringContaining(current) });
    expect(await second.stop()).toBe(0);

    // An empty database counts labels from the beginning, and is taken only where somebody says so.
    await rm(world.path('home/pglite'), { recursive: true });
    placePglite(world.path('home/pglite'), { empty: true });
    expect(await world.bulla(['up'])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining(
        `the embedded database is not the one that ${world.path('home')} worked with until now: it is empty, or another\n`,
      ),
    });
    const third = await world.up('nothing', ['--database-changed']);
    expect(third.stderr.text).toContain('bulla: from now on this folder works with the embedded database;');
    expect(await world.bulla(['demo'])).toMatchObject({ code: 0 });
    expect(await third.stop()).toBe(0);
  });

  it('leaves no empty database behind where the embedded one is gone', async () => {
    await (await world.up('organisation')).stop();
    await rm(world.path('home/pglite'), { recursive: true });
    expect(await world.bulla(['up'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(
        'hint: restore it from a backup; if the change is meant: bulla up --database-changed',
      ),
    });
    expect(readdirSync(world.path('home'))).not.toContain('pglite');
  });

  it('gives homes and databases of before their mark without a word, and an empty database to none of them', async () => {
    const first = await world.up('organisation');
    await first.stop();
    // As a home was left that knows of no marks; its database keeps the one that it has.
    const marked = readFileSync(world.path('home/database.id'), 'utf8');
    await rm(world.path('home/database.id'));
    await writeFile(world.path('home/database'), 'a-hash-of-before');
    const second = await world.up();
    expect(second.stderr.text).not.toContain('database');
    await second.stop();
    expect(readFileSync(world.path('home/database.id'), 'utf8')).toBe(marked);
    expect(readdirSync(world.path('home'))).not.toContain('database');

    await rm(world.path('home/database.id'));
    await writeFile(world.path('home/database'), 'a-hash-of-before');
    await rm(world.path('home/pglite'), { recursive: true });
    expect(await world.bulla(['up'])).toMatchObject({ code: 3 });
  });

  describe('long after the first start', () => {
    const DAY_MS = 86_400_000;
    let passed = 0;
    beforeEach(() => {
      const start = Date.now();
      passed = 0;
      jest.spyOn(Date, 'now').mockImplementation(() => start + passed * DAY_MS);
    });

    it('has called everything the newest again before it is ready, and signs nothing for that', async () => {
      await prepareHome();
      // On the same ports, or the directory would be a new one, which nobody needs to call the newest.
      const [vault, responder] = await freePorts(2);
      Object.assign(world.env, { BULLA_VAULT_PORT: String(vault), BULLA_RESPONDER_PORT: String(responder) });
      const first = await world.up();
      await world.done(['demo']);
      expect(await first.stop()).toBe(0);
      passed = 10;
      const second = await world.up();
      expect(second.stderr.text).not.toMatch(/renewer|signed for/);
      expect(await world.bulla(['demo'])).toMatchObject({ code: 0, stdout: expect.stringContaining('directory 1') });
      expect(await second.stop()).toBe(0);
    });

    it('and trust renew sign documents that are due, and never where a label stands', async () => {
      await prepareHome();
      const first = await world.up();
      await world.done(['demo']);
      // The Date of answers is not ours to move: what is signed is compared with it, so it is told as if it moved.
      world.fetch = datedFetch;
      passed = 6;
      await world.done(['trust', 'renew']);
      passed = 12;
      await world.done(['trust', 'renew']);
      passed = 30;
      // Nobody called anything the newest meanwhile. The signer of a directory says that it is the newest.
      expect(await world.bulla(['run', 'demo/claim-triage@demo', '--var', 'claim=Water.'])).toMatchObject({ code: 10 });
      const renewed = await world.bulla(['trust', 'renew']);
      expect(renewed).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(
          /^directory version 2 signed for 90 days\ndirectory version 2 and \d labels are the newest\n$/,
        ),
      });
      expect(await world.bulla(['run', 'demo/claim-triage@demo', '--var', 'claim=Water.'])).toMatchObject({ code: 0 });
      // By the Date that the services really say, the clocks differ; nothing else is wrong.
      world.fetch = fetch;
      const failed = (await world.bulla(['doctor'])).stdout.match(/^✘ \w+( \w+)?/gm);
      expect(failed).toEqual(['✘ vault clock', '✘ responder clock']);
      expect(await first.stop()).toBe(0);

      // A label ends with its signatures, a year after somebody gave them: doctor says so in good time.
      passed = 310;
      const second = await world.up();
      expect(second.stderr.text).toMatch(
        /bulla: root version 2 signed for a year\nbulla: policy version 2 signed for a year\nbulla: directory version 3 signed for 90 days\n/,
      );
      expect((await world.bulla(['doctor'])).stdout).toMatch(/^✘ labels +about to expire.*demo\/claim-triage@demo/m);
      expect(await world.bulla(['demo'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('root 2, policy 2, directory 3'),
      });
      expect(await second.stop()).toBe(0);
    });
  });

  withServer('with a PostgreSQL server', () => {
    it('refuses another database than before, and takes it where that is meant', async () => {
      const database = await databaseForTest({ empty: true });
      const place = `the database ${placeOf(database.url)}`;
      await (await world.up('organisation')).stop();
      const before = { url: undefined as string | undefined, name: 'the embedded database' };
      for (const [url, name] of [
        [database.url, place],
        [undefined, 'the embedded database'],
        [database.url, place],
      ] as const) {
        world.env['BULLA_DATABASE_URL'] = url;
        const refused = await world.bulla(['up']);
        expect(refused).toMatchObject({ code: 3, stdout: '' });
        expect(refused.stderr).toContain(
          `error: ${world.path('home')} worked with ${before.name} until now, and this is ${name}\n`,
        );
        expect(refused.stderr).toContain(before.url === undefined ? 'hint: unset' : 'hint: set BULLA_DATABASE_URL as');
        const running = await world.up('nothing', ['--database-changed']);
        expect(running.stderr.text).toContain(`from now on this folder works with ${name}; prompts of before stay`);
        expect(await world.bulla(['demo'])).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') });
        expect(await running.stop()).toBe(0);
        Object.assign(before, { url, name });
      }
      await (await world.up()).stop();
      await database.drop();
    }, 240_000);

    it('takes the same database under another address', async () => {
      const database = await databaseForTest({ empty: true });
      world.env['BULLA_DATABASE_URL'] = database.url;
      await (await world.up('organisation')).stop();
      world.env['BULLA_DATABASE_URL'] = database.url?.replace('127.0.0.1', 'localhost');
      await (await world.up()).stop();
      expect(readFileSync(world.path('home/database.id'), 'utf8')).toContain('localhost');
      await database.drop();
    });

    it('refuses the database of another home before it makes anything', async () => {
      const database = await databaseForTest({ empty: true });
      world.env['BULLA_DATABASE_URL'] = database.url;
      await (await world.up('organisation')).stop();
      const other = await World.make('embedded');
      other.env['BULLA_DATABASE_URL'] = database.url;
      for (const argv of [['up'], ['up', '--database-changed']]) {
        expect(await other.bulla(argv)).toMatchObject({
          code: 3,
          stdout: '',
          stderr: expect.stringMatching(
            /error: the database \S+ belongs to another home folder: its organisation dev has the pin sha256:[0-9a-f]{64}, whose keys are not in \S+\nbulla: hint: set BULLA_HOME to the folder that it belongs to, or BULLA_DATABASE_URL to an empty database\n/,
          ),
        });
        expect(readdirSync(other.folder)).toEqual([]);
      }
      // Nor does a home of its own take it.
      await other.done(['init']);
      const before = readdirSync(other.path('home'), { recursive: true });
      expect(await other.bulla(['up', '--database-changed'])).toMatchObject({ code: 3 });
      expect(readdirSync(other.path('home'), { recursive: true })).toEqual(before);
      await other.remove();
      await database.drop();
    });
  });

  it('refuses a folder that another process uses, and leaves that one alone', async () => {
    await prepareHome();
    const running = await world.up();
    const second = await world.bulla(['up']);
    expect(second).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`is in use by process ${process.pid}`),
    });
    expect(await world.bulla(['doctor'])).toMatchObject({ code: 0 });
    const status = JSON.parse((await world.done(['status', '--json'])).stdout) as object[];
    expect(status).toContainEqual(expect.objectContaining({ name: 'database', data: { place: 'embedded' } }));
    await running.stop();
  });

  it.each([
    [
      'an unknown variable',
      { BULLA_VAULT_PROT: '4100' },
      'BULLA_VAULT_PROT (from the environment): not a setting of Bulla',
    ],
    ['a bad value', { BULLA_VAULT_PORT: 'canary' }, 'BULLA_VAULT_PORT (from the environment): expected a port'],
    ['two services on one port', { BULLA_VAULT_PORT: '5001', BULLA_RESPONDER_PORT: '5001' }, 'both come to port 5001'],
    ['production', { NODE_ENV: 'production' }, 'NODE_ENV is production'],
  ])('stops at %s with 78 and writes nothing', async (_name, env, message) => {
    world.env = { ...world.env, ...env };
    const ended = await world.bulla(['up']);
    expect(ended).toMatchObject({ code: 78, stdout: '', stderr: expect.stringContaining(message) });
    expect(ended.stderr).not.toContain('canary');
    expect(readdirSync(world.folder)).toEqual([]);
  });

  it.each([
    [
      'a port in use',
      1,
      (port: number) => ({ BULLA_VAULT_PORT: String(port) }),
      'is in use; stop what listens there, or set BULLA_VAULT_PORT',
    ],
    [
      'a database that does not answer',
      1,
      () => ({ BULLA_DATABASE_URL: 'postgresql://u:canary@127.0.0.1:1/d' }),
      'error: no PostgreSQL listens at 127.0.0.1:1\nbulla: hint: start it there, or mend host and port in BULLA_DATABASE_URL\n',
    ],
  ])('stops at %s and writes nothing', async (_name, code, env, message) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    world.env = { ...world.env, ...env((other.address() as AddressInfo).port) };
    const ended = await world.bulla(['up']);
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
    expect(ended.stderr).not.toContain('canary');
    expect(readdirSync(world.folder)).toEqual([]);
    await new Promise((resolve) => other.close(resolve));
  });

  it('refuses a half-made organisation that it cannot finish, in one line', async () => {
    await prepareHome();
    await world.done(['init']);
    await writeFile(world.path('home/org/dev/root.key'), 'canary');
    const ended = await world.bulla(['up']);
    expect(ended).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('root.key is not an Ed25519 key; restore it from a backup'),
    });
    expect(ended.stderr).not.toContain('canary');
  });

  it('ends with 0 when it is stopped while it starts', async () => {
    const running = world.start(['up']);
    await running.stderr.holds('bulla: starting');
    await pause(1);
    expect(await running.stop()).toBe(0);
    expect(running.stdout.text).not.toContain('ready');
    expect(readdirSync(world.path('home')).filter((name) => name === 'lock')).toEqual([]);
  });
});

/** A database without who asks it. */
function placeOf(url = ''): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

/** `fetch` of services whose Date is that of the test. */
const datedFetch: typeof fetch = async (input, init) => {
  const { body, status, headers } = await fetch(input, init);
  const dated = new Headers(headers);
  dated.set('date', new Date(Date.now()).toUTCString());
  return new Response(body, { status, headers: dated });
};
