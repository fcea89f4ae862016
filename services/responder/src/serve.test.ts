import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { organisationForTest, serveDocuments } from '../test/responder-fixture.js';
import type { DocumentServer } from '../test/responder-fixture.js';
import { createResponder, loadUnwrappers, modelSettings, openModels, responderMigrations } from './index.js';
import { serve } from './serve.js';

const server = await databaseForTest({ empty: true });
const withServer = server.url === undefined ? describe.skip : describe;
let organisation: TestOrganisation;
let vault: DocumentServer;
let folder: string;
let environment: Record<string, string>;

beforeAll(async () => {
  organisation = await organisationForTest();
  vault = await serveDocuments(organisation);
  folder = await mkdtemp(join(tmpdir(), 'bulla-responder-'));
  const keys = join(folder, 'responder.keys.json');
  await writeFile(keys, JSON.stringify(organisation.responders[0].keyFile), { mode: 0o600 });
  environment = {
    BULLA_DATABASE_URL: server.url ?? '',
    BULLA_VAULT_URL: vault.url,
    BULLA_PIN: organisation.pin,
    BULLA_KEYS_FILE: keys,
    BULLA_RESPONDER_PORT: await freePort(),
    BULLA_METRICS_PORT: '0',
    BULLA_AUDIT_MARKS: setUpMarkFolder(join(folder, 'audit-marks'), organisation.responders[0].keyFile),
    BULLA_LLM: 'builtin:echo',
    BULLA_LOG_LEVEL: 'silent',
  };
});

afterAll(async () => {
  await vault.close();
  await rm(folder, { recursive: true });
  await server.drop();
});

async function freePort(): Promise<string> {
  const [port = 0] = await freePorts(1);
  return String(port);
}

/** A process that only notes what it is told. */
class NotedHost {
  readonly lines: string[] = [];
  readonly listeners = new Map<string, () => void>();
  exitCode: number | undefined;
  readonly stderr = { write: (line: string) => this.lines.push(line) };

  exit(code: number): void {
    this.exitCode = code;
  }

  on(signal: string, listener: () => void): void {
    this.listeners.set(signal, listener);
  }
}

withServer('a responder on its own', () => {
  it('is ready once it trusts its documents and has signed a head, and ends with its first signal, however many come', async () => {
    const host = new NotedHost();
    await serve(environment, host);
    expect(host.lines).toEqual([]);
    const url = `http://127.0.0.1:${environment['BULLA_RESPONDER_PORT'] ?? ''}`;
    let ready = await fetch(`${url}/health/ready`);
    while (ready.status !== 200) ready = await fetch(`${url}/health/ready`);
    expect(await ready.json()).toMatchObject({
      status: 'ok',
      checks: expect.arrayContaining([
        { name: 'documents', ok: true },
        { name: 'audit-head', ok: true },
      ]),
    });
    host.listeners.get('SIGTERM')?.();
    host.listeners.get('SIGINT')?.();
    await expect(untilRefused(url)).resolves.toBe('refused');
    expect(host.exitCode).toBeUndefined();
  });

  it('[red] never serves an organisation of profile development under NODE_ENV=production', async () => {
    const own = await organisationForTest({ org: 'trial', suite: 'p256', profile: 'development' });
    const served = await serveDocuments(own);
    const keys = join(folder, 'trial.keys.json');
    await writeFile(keys, JSON.stringify(own.responders[0].keyFile), { mode: 0o600 });
    const trial = {
      BULLA_KEYS_FILE: keys,
      BULLA_AUDIT_MARKS: setUpMarkFolder(join(folder, 'trial-marks'), own.responders[0].keyFile),
      BULLA_PIN: own.pin,
      BULLA_VAULT_URL: served.url,
    };
    const port = await freePort();
    const host = new NotedHost();
    await serve({ ...environment, ...trial, BULLA_RESPONDER_PORT: port, NODE_ENV: 'production' }, host);
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
    const checks = { checks: expect.arrayContaining([expect.objectContaining({ name: 'documents', ok: false })]) };
    expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining(checks)]);
    host.listeners.get('SIGTERM')?.();
    await untilRefused(`http://127.0.0.1:${port}`);
    await served.close();
  });

  it('gives up with one line when its port is taken, and leaves no connection to the database', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const host = new NotedHost();
    await serve({ ...environment, BULLA_RESPONDER_PORT: String(port) }, host);
    await new Promise((resolve) => taken.close(resolve));
    expect(host).toMatchObject({ exitCode: 1, lines: ['bulla: error: the responder could not go on (EADDRINUSE)\n'] });
  });
});

describe('a responder does not start', () => {
  it.each([
    ['without a pin', { BULLA_PIN: '' }, 'BULLA_PIN'],
    ['with a bad vault address', { BULLA_VAULT_URL: 'zzCanary' }, 'BULLA_VAULT_URL'],
    ['with a bad model', { BULLA_LLM: 'zzCanary' }, 'BULLA_LLM'],
    ['with an unknown setting', { BULLA_ZZ: 'zzCanary' }, 'BULLA_ZZ'],
    [
      'without its key file',
      { BULLA_KEYS_FILE: '/nowhere/keys.json', BULLA_DATABASE_URL: 'postgresql://127.0.0.1:1/x' },
      '/nowhere/keys.json',
    ],
    ['without a database of its own', { BULLA_DATABASE_URL: '' }, 'BULLA_DATABASE_URL'],
  ])('%s: exit 78 and a line that names it', async (_name, change, named) => {
    const host = new NotedHost();
    await serve({ ...environment, ...change }, host);
    expect(host.exitCode).toBe(78);
    expect(host.lines.join('')).toContain(named);
    expect(host.lines.join('')).not.toContain('zzCanary');
  });

  it('with a mistake in its file of models: exit 78, file, line and column, and its database was not asked', async () => {
    const path = join(folder, 'models.yaml');
    await writeFile(path, 'models:\n  m: { upstream: zzCanary }\n');
    const host = new NotedHost();
    const change = { BULLA_LLM: '', BULLA_MODELS_FILE: path, BULLA_DATABASE_URL: 'postgresql://127.0.0.1:1/x' };
    await serve({ ...environment, ...change }, host);
    expect(host).toMatchObject({
      exitCode: 78,
      lines: [
        `bulla: error: BULLA_MODELS_FILE: ${path}:2:18: expected the name of one of upstreams, builtin:extract, builtin:echo, or gguf:<path>\n`,
      ],
    });
  });

  it('without a database that answers: exit 1, in words, without the password', async () => {
    const host = new NotedHost();
    await serve({ ...environment, BULLA_DATABASE_URL: 'postgresql://u:zzcanary@127.0.0.1:1/x' }, host);
    expect(host.exitCode).toBe(1);
    expect(host.lines.join('')).toMatch(
      /^bulla: error: no PostgreSQL listens at 127\.0\.0\.1:1\nbulla: hint: start it/,
    );
    expect(host.lines.join('')).not.toContain('zzcanary');
  });
});

describe('the package', () => {
  it('exports what a process needs to put a responder together', async () => {
    const { keyFile } = organisation.responders[0];
    const [unwrapper] = await loadUnwrappers(keyFile);
    expect(unwrapper?.kid).toBe(organisation.responders[0].enc?.kid);
    expect(Object.keys(responderMigrations)).toContain('2026-11-25-responder');
    expect([createResponder, openModels].every((one) => typeof one === 'function')).toBe(true);
    expect(Object.keys(modelSettings)).toContain('BULLA_LLM');
  });

  it('runs as a program', async () => {
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { exitCode } = process;
    await import('./main.js');
    const lines = written.mock.calls.map(([line]) => String(line));
    written.mockRestore();
    expect(process.exitCode).toBe(78);
    process.exitCode = exitCode;
    expect(lines.join('')).toContain('BULLA_PIN');
  });
});

async function untilRefused(url: string): Promise<string> {
  for (;;) {
    try {
      await (await fetch(`${url}/health/live`)).text();
    } catch {
      return 'refused';
    }
  }
}
