import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { FakeOpenai } from '@bulla/testkit';
import { startFakeOpenai } from '@bulla/testkit';
import type { Running } from './world.js';
import { World } from './world.js';

const RAIN = { replies: { tokens: ['It ', 'rains.'] } };
const upstream: FakeOpenai = await startFakeOpenai(RAIN);
const ASKED = { model: 'weather', messages: [{ role: 'user', content: 'canary: how is the weather?' }] };
let world: World;
let services: Running;
let proxy: Running | undefined;
beforeAll(async () => {
  world = await World.make();
  Object.assign(world.env, {
    BULLA_LLM: `openai:${upstream.url}`,
    BULLA_LLM_MODEL: 'weather',
    BULLA_PROXY_LISTEN: '127.0.0.1:0',
  });
  services = await world.up('organisation');
});
afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
});
afterAll(async () => {
  await services.stop();
  await upstream.stop();
  await world.remove();
});

/** Starts a proxy and waits until it is ready. */
async function start(...options: string[]): Promise<Running> {
  const running = world.start(['proxy', ...options]);
  proxy = running;
  const ready = running.stdout.holds('ready');
  await Promise.race([ready, running.ended.then(() => Promise.reject(new Error(running.stderr.text)))]);
  return running;
}

async function environment(): Promise<Record<string, string>> {
  return JSON.parse((await world.done(['proxy', 'env', '--json'])).stdout) as Record<string, string>;
}

/** Asks as an app does that found its environment. */
async function ask(body: object = ASKED): Promise<Response> {
  const { OPENAI_BASE_URL: base = '', OPENAI_API_KEY: key = '' } = await environment();
  return fetch(`${base}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const status = async () =>
  JSON.parse((await world.done(['proxy', 'status', '--json'])).stdout) as Record<string, unknown>;
const tokenFile = () => world.path('home/proxy.token');

describe('bulla proxy', () => {
  it('says where apps find it, and its key once, which it keeps for its owner alone', async () => {
    const first = await start();
    expect(first.stdout.text).toMatch(/^bulla: ready {2}OpenAI base URL http:\/\/127\.0\.0\.1:\d+\/v1 {2}Anthropic/);
    const [key = ''] = /bulla-[\w-]{43}/.exec(first.stdout.text) ?? [];
    expect((await readFile(tokenFile(), 'utf8')).trim()).toBe(key);
    expect((await stat(tokenFile())).mode & 0o777).toBe(0o600);
    expect(await first.stop()).toBe(0);
    const again = await start();
    expect(again.stdout.text + again.stderr.text).not.toContain(key);
    expect((await environment())['OPENAI_API_KEY']).toBe(key);
    const { stdout } = await world.done(['proxy', 'env']);
    expect(stdout).toContain(`export ANTHROPIC_API_KEY='${key}'\n`);
    expect(stdout).toMatch(/^export ANTHROPIC_BASE_URL='http:\/\/127\.0\.0\.1:\d+'$/m);
  });

  it('answers apps, says what it verified, and keeps receipts that `bulla verify` proves', async () => {
    await start();
    const response = await ask();
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'It rains.' } }] });
    expect(response.headers.get('x-bulla-verified')).toBe('true');
    const id = response.headers.get('x-bulla-receipt-id') ?? '';
    expect(id).toMatch(/^rcp_[0-9a-f]{32}$/);
    expect(await status()).toMatchObject({
      organisation: 'dev',
      pin: expect.stringMatching(/^sha256:/),
      responder: { urn: 'urn:bulla:dev:svc:responder:local', keys: [expect.stringMatching(/^[0-9a-f]{4}:/)] },
      models: ['weather'],
      calls: 1,
      verified: 1,
      faults: {},
      receipts: { kept: 1, lost: 0, fault: null },
    });
    expect((await world.done(['proxy', 'status'])).stdout).toMatch(/^calls +1, and 1 verified answer$/m);
    const listed = JSON.parse((await world.done(['proxy', 'receipts', '--json'])).stdout) as unknown[];
    expect(listed).toEqual([{ id, kept: expect.stringMatching(/Z$/), model: 'weather', prompt: null }]);
    expect((await world.done(['proxy', 'receipts'])).stdout).toMatch(/^KEPT +ASKED +ID\n\S+ +weather +rcp_/);
    const verified = await world.done(['verify', id]);
    expect(verified.stdout).toContain('VALID');
    expect(verified.stdout).toContain('– question');
    const gone = await world.bulla(['verify', `rcp_${'0'.repeat(32)}`]);
    expect([gone.code, gone.stderr]).toEqual([6, expect.stringContaining('bulla proxy receipts')]);
  });

  it('keeps the question where that is asked for, and nothing where that is', async () => {
    world.env['BULLA_PROXY_RECEIPTS'] = 'question';
    await start();
    const id = (await ask()).headers.get('x-bulla-receipt-id') ?? '';
    expect((await world.done(['verify', id])).stdout).toContain('✔ question');
    await proxy?.stop();
    world.env['BULLA_PROXY_RECEIPTS'] = 'off';
    await start();
    expect((await ask()).headers.get('x-bulla-receipt-id')).toBeNull();
    expect(await status()).toMatchObject({ verified: 1, receipts: null });
    delete world.env['BULLA_PROXY_RECEIPTS'];
  });

  it('answers its apps where no receipt can be kept, and says so', async () => {
    const running = await start();
    await rm(world.path('home/receipts'), { recursive: true });
    await writeFile(world.path('home/receipts'), '');
    const response = await ask();
    expect([response.status, response.headers.get('x-bulla-receipt-id')]).toEqual([200, null]);
    expect(running.stderr.text).toContain('receipts are not kept: a file stands in the place of the folder');
    expect(await status()).toMatchObject({
      receipts: { kept: 0, lost: 1, fault: 'a file stands in the place of the folder' },
    });
    await rm(world.path('home/receipts'));
    expect((await ask()).headers.get('x-bulla-receipt-id')).toMatch(/^rcp_/);
    expect(running.stderr.text).toContain('receipts are kept again');
  });

  it('is one for a home, and leaves the other one alone', async () => {
    await start();
    const second = await world.bulla(['proxy', '--listen', '127.0.0.1:0']);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('is in use by process')]);
    expect(second.stderr).toContain('let apps use that one');
    expect(await status()).toMatchObject({ calls: 0 });
  });

  it('takes the key of a setting', async () => {
    world.env['BULLA_PROXY_TOKEN'] = 'a-key-of-one-s-own-0123';
    const running = await start('--json');
    expect(JSON.parse(running.stdout.text)).toEqual({
      state: 'ready',
      openai_base_url: expect.stringMatching(/\/v1$/),
      anthropic_base_url: expect.stringMatching(/:\d+$/),
      token_file: null,
    });
    expect((await ask()).status).toBe(200);
    await proxy?.stop();
    delete world.env['BULLA_PROXY_TOKEN'];
    expect((await readFile(tokenFile(), 'utf8')).trim()).toMatch(/^bulla-/);
  });

  it('tells an app whose policy forbids chats which command changes that', async () => {
    await start();
    await world.done(['policy', 'set', '--chat', 'none']);
    const refused = await ask();
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      code: 'forbidden',
      error: { message: expect.stringContaining('bulla policy set --chat') },
    });
    expect(await status()).toMatchObject({ faults: { forbidden: 1 } });
    await world.done(['policy', 'set', '--chat', 'grp:members', '--yes']);
  });

  it('tells an app, and not a log, that the vault shows an older state than before', async () => {
    /** What the vault said of the organisation at first, by its path. */
    const shown = new Map<string, { readonly text: string; readonly init: ResponseInit }>();
    let isHostile = false;
    world.fetch = async (input, init) => {
      const path = new URL(input instanceof Request ? input.url : String(input)).pathname;
      const before = shown.get(path);
      if (isHostile && before !== undefined) return new Response(before.text, before.init);
      const response = await fetch(input, init);
      if (!path.startsWith('/.well-known/bulla/') || !response.ok) return response;
      const text = await response.text();
      shown.set(path, { text, init: { headers: response.headers } });
      return new Response(text, { headers: response.headers });
    };
    await start();
    world.fetch = fetch;
    expect((await ask()).status).toBe(200);
    // A newer state, which this home has seen: by another command, as by another device of the same person.
    await world.done(['policy', 'set', '--chat', 'grp:members', 'grp:authors', '--yes']);
    isHostile = true;
    const refused = await ask();
    expect([refused.status, await refused.json()]).toEqual([409, expect.objectContaining({ code: 'trust_rollback' })]);
    expect(refused.headers.get('x-should-retry')).toBe('false');
    isHostile = false;
    expect((await ask()).status).toBe(200);
    expect(await status()).toMatchObject({ faults: { trust_rollback: 1 } });
  });

  it('writes a unit for systemd, and says how to enable it', async () => {
    const file = world.path('config/bulla-proxy.service');
    const { stdout } = await world.done(['proxy', 'install', '--out', file]);
    expect(stdout).toContain('systemctl --user enable --now bulla-proxy');
    const unit = await readFile(file, 'utf8');
    expect(unit).toMatch(/^ExecStart=".+" ".+bin\/bulla\.js" proxy start$/m);
    expect(unit).toContain(`Environment="BULLA_HOME=${world.path('home')}"`);
  });
});

describe('bulla proxy that cannot', () => {
  it.each([
    ['listen off this machine', ['--listen', '0.0.0.0:4141'], {}, 78, 'on this machine alone'],
    ['read where to listen', ['--listen', 'here'], {}, 78, 'is not a host and a port'],
    ['take a short key', [], { BULLA_PROXY_TOKEN: 'short' }, 78, 'BULLA_PROXY_TOKEN'],
    ['know a value', [], { BULLA_PROXY_RECEIPTS: 'some' }, 78, 'expected on, off, question'],
    ['find its organisation', [], { BULLA_HOME: '/nowhere' }, 2, 'there is no profile in /nowhere'],
    ['reach its vault', [], { BULLA_URL: 'http://127.0.0.1:1' }, 8, 'bulla up'],
  ])('%s says so', async (_what, options, env, code, said) => {
    const before = { ...world.env };
    Object.assign(world.env, env);
    const ended = await world.bulla(['proxy', ...options]);
    world.env = before;
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(said)]);
  });

  it('be asked says that none runs, and how to start one', async () => {
    for (const command of ['status', 'env']) {
      const ended = await world.bulla(['proxy', command]);
      expect([ended.code, ended.stderr]).toEqual([9, expect.stringContaining('start it: bulla proxy')]);
    }
  });

  it('was killed is not asked: another program may have its port [guard: proxy-record-dead]', async () => {
    const shown: unknown[] = [];
    const stranger = createServer(({ headers }, response) => {
      shown.push(headers.authorization);
      response.end('{}');
    });
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    await writeFile(world.path('home/proxy.json'), JSON.stringify({ origin: `http://127.0.0.1:${port}` }));
    world.env['BULLA_PROXY_TOKEN'] = 'a-key-of-one-s-own-0123';
    expect((await world.bulla(['proxy', 'status'])).code).toBe(9);
    expect(shown).toEqual([]);
    await writeFile(world.path('home/proxy.json'), 'not JSON');
    expect((await world.bulla(['proxy', 'env'])).code).toBe(9);
    delete world.env['BULLA_PROXY_TOKEN'];
    await rm(world.path('home/proxy.json'));
    stranger.close();
  });

  it('reach its vault is waited for no longer than somebody wants', async () => {
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const before = { ...world.env };
    world.env['BULLA_URL'] = `http://127.0.0.1:${port}`;
    for (const [command, code] of [
      [['proxy'], 0],
      [['exec', '--', 'true'], 130],
    ] as const) {
      const asked = once(silent, 'request');
      const running = world.start(command);
      await asked;
      expect(await running.stop()).toBe(code);
    }
    world.env = before;
    silent.closeAllConnections();
    silent.close();
  });

  it('open its keys says how, and does with the passphrase', async () => {
    const passphrase = await world.file('passphrase', 'six random words make a good one');
    world.env['BULLA_PASSPHRASE_FILE'] = passphrase;
    await world.done(['keys', 'lock', world.path('home/identity.json')]);
    await start();
    const id = (await ask()).headers.get('x-bulla-receipt-id') ?? '';
    await proxy?.stop();
    delete world.env['BULLA_PASSPHRASE_FILE'];
    for (const command of [['proxy'], ['exec', '--', 'true'], ['verify', id]]) {
      const ended = await world.bulla(command);
      expect([ended.code, ended.stderr]).toEqual([4, expect.stringContaining('set BULLA_PASSPHRASE_FILE')]);
    }
    world.env['BULLA_PASSPHRASE_FILE'] = passphrase;
    expect((await world.done(['verify', id])).stdout).toContain('VALID');
    await world.done(['keys', 'unlock', world.path('home/identity.json')]);
    delete world.env['BULLA_PASSPHRASE_FILE'];
  });

  it('keep its key to itself does not start', async () => {
    await chmod(tokenFile(), 0o644);
    const ended = await world.bulla(['proxy']);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('chmod 600')]);
    await chmod(tokenFile(), 0o600);
  });

  it('leaves nothing of what was asked or answered in its folder', async () => {
    await start();
    await ask();
    await proxy?.stop();
    let bytes = 0;
    for (const entry of await readdir(world.path('home'), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      // The services of this home write into it, too: a temporary file may be gone by now.
      const text = await readFile(join(entry.parentPath, entry.name), 'latin1').catch(() => '');
      bytes += text.length;
      for (const canary of ['canary', 'It rains']) expect(text).not.toContain(canary);
    }
    expect(bytes).toBeGreaterThan(1_000);
  });
});
