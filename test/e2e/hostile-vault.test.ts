import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { bulla } from '../bulla-command.js';
import { type RunningBulla, startBulla } from '../bulla-process.js';

const SECRET = 'canary-5b1e: the claim nobody but the responder may read';
const FREE_PORTS = { BULLA_VAULT_PORT: '0', BULLA_RESPONDER_PORT: '0', BULLA_METRICS_PORT: '0' };

const database = await databaseForTest();
/** A row can be changed under a running vault only on a server: the embedded database has one process. */
const withServer = database.url === undefined ? describe.skip : describe;

let folder: string;
let up: RunningBulla;
let settings: Record<string, string>;
const servers: Server[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-hostile-'));
  settings = {
    BULLA_HOME: join(folder, 'home'),
    ...(database.url !== undefined && { BULLA_DATABASE_URL: database.url }),
  };
  up = await startBulla(settings);
  await bulla(['demo'], settings);
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});
afterAll(async () => {
  await up.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** A vault with the documents of an organisation that somebody made for themselves; it keeps every byte it gets. */
async function impostor(): Promise<{ url: string; received: () => Buffer }> {
  const home = join(folder, 'impostor');
  await bulla(['init'], { ...FREE_PORTS, BULLA_HOME: home });
  const served = new Map<string, Buffer>(
    await Promise.all(
      ['root/1', 'policy', 'directory'].map(async (name) => {
        const file = join(home, 'org/dev', `${name.replace('/1', '')}.json`);
        return [`/.well-known/bulla/dev/${name}.json`, await readFile(file)] as const;
      }),
    ),
  );
  const bytes: Buffer[] = [];
  const server = createServer((request, response) => {
    const document = served.get(request.url ?? '');
    response
      .writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
      .end(document ?? '{}');
  });
  server.on('connection', (socket) => socket.on('data', (part: Buffer) => bytes.push(part)));
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received: () => Buffer.concat(bytes) };
}

describe('a vault with a root of its own making', () => {
  it.each([
    ['at first contact', false],
    ['in the place of one that was known', true],
  ])('%s is refused with 10 before any byte of the variables is sent', async (_name, known) => {
    const { url, received } = await impostor();
    const asker = known ? settings : { ...settings, BULLA_HOME: join(folder, 'fresh') };
    if (!known) {
      const own = {
        BULLA_PROFILE: join(folder, 'home/profile.json'),
        BULLA_IDENTITY: join(folder, 'home/identity.json'),
      };
      Object.assign(asker, own);
    }
    const ended = await bulla(['run', 'demo/claim-triage@demo', '--var', 'claim=-', '--url', url], asker, SECRET);
    expect(ended).toMatchObject({
      status: 10,
      stdout: '',
      stderr: expect.stringMatching(/pin_mismatch|signature_invalid|trust_rollback/),
    });
    const sent = received().toString('latin1');
    expect(sent).toContain('GET /.well-known/bulla/dev/');
    expect(sent.match(/^[A-Z]+ \/\S+/gm)?.every((line) => line.startsWith('GET /.well-known/'))).toBe(true);
    expect(sent).not.toContain('canary');
  });
});

withServer('content that somebody changed in the database', () => {
  async function changeContent(expression: string): Promise<void> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rowCount } = await client.query(`UPDATE vault.prompt_version SET content = ${expression}`);
    await client.end();
    expect(rowCount).toBe(1);
  }

  it.each([
    ['the first byte', `overlay(content placing 'f' from 1 for 1)`],
    [
      'a byte in the middle',
      `overlay(content placing (CASE WHEN substr(content, 400, 1) = 'A' THEN 'B' ELSE 'A' END) from 400 for 1)`,
    ],
    ['a byte to something that no token holds', `overlay(content placing '!' from 400 for 1)`],
    ['the last byte', `left(content, -1) || (CASE WHEN right(content, 1) = 'A' THEN 'B' ELSE 'A' END)`],
  ])('%s makes the demo end with 10 and name the check', async (_name, expression) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ content: string }>('SELECT content FROM vault.prompt_version');
    await changeContent(expression);
    const ended = await bulla(['demo'], settings);
    const run = await bulla(['run', 'demo/claim-triage@demo', '--var', 'claim=-'], settings, SECRET);
    await client.query('UPDATE vault.prompt_version SET content = $1', [rows[0]?.content]);
    await client.end();
    expect({ status: ended.status, stderr: ended.stderr }).toEqual({
      status: 10,
      stderr: expect.stringContaining('(envelope_tampered'),
    });
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 10, stdout: '' });
    expect((await bulla(['demo'], settings)).status).toBe(0);
  });
});
