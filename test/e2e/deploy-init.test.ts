import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Home, renewOrganisation } from '@bulla/client/node';
import { isCheckpointKey, keyFileSchema, parseDirectory, secondsOf } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Deployment } from '../deploy-init.js';
import { deploymentIn, runInit } from '../deploy-init.js';

let folder: string;
let deployment: Deployment;
let home: string;
let services: string;
let made: ReturnType<typeof init>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-deploy-'));
  deployment = deploymentIn(folder);
  ({ home, services } = deployment);
  made = init();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const init = () => runInit(deployment);
const directory = async () =>
  (await parseDirectory(readFileSync(join(home, 'org/acme/directory.json'), 'utf8'))).payload;

/** Files by their path from a folder. */
function filesOf(where: string): Map<string, string> {
  const entries = readdirSync(where, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return new Map(paths.map((path) => [path.slice(where.length + 1), readFileSync(path, 'utf8')]));
}

describe('the first container of a deployment', () => {
  it('hands each service its own, and keeps the keys of the organisation to itself', () => {
    expect(made).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^organisation acme /) });
    const handed = filesOf(services);
    expect([...handed.keys()]).toEqual([
      'postgres/password',
      'postgres/services.sql',
      'redis/password',
      'redis/redis.conf',
      'renew/profile.json',
      'renew/services/renewer.keys.json',
      'renew/services/renewer.trust.json',
      'responder-marks/audit-marks/log.json',
      'responder/database.url',
      'responder/keys.json',
      'responder/pin',
      'responder/redis.url',
      'vault-marks/audit-marks/log.json',
      'vault/bootstrap.secret',
      'vault/database.url',
      'vault/keys.json',
      'vault/redis.url',
      'vault/root.key',
    ]);
    for (const name of handed.keys())
      expect([name, statSync(join(services, name)).mode & 0o777]).toEqual([
        name,
        /^(vault|responder|renew)/.test(name) ? 0o600 : 0o644,
      ]);
    const urns = ['vault', 'responder'].map(
      (name) => keyFileSchema.parse(JSON.parse(handed.get(`${name}/keys.json`) ?? '')).urn,
    );
    expect(urns).toEqual(['urn:bulla:acme:svc:vault', 'urn:bulla:acme:svc:responder:main']);
    const privateParts = (text: string) => [...text.matchAll(/"d": ?"([^"]+)"/g)].map(([, part]) => part ?? '');
    const own = filesOf(home);
    const secrets = ['root', 'policy', 'directory'].map((kind) => own.get(`org/acme/${kind}.key`) ?? '');
    const kept = [...secrets, own.get('identity.json') ?? ''].flatMap(privateParts);
    expect(kept).toHaveLength(5);
    for (const part of kept) expect([...handed.values()].join('\n')).not.toContain(part);
    expect(handed.get('vault/keys.json')).not.toContain(privateParts(handed.get('responder/keys.json') ?? '')[0]);
  });

  it('makes passwords that differ and that everybody concerned has', () => {
    const passwords = [...filesOf(join(home, 'passwords')).values()].map((text) => text.trim());
    expect(new Set(passwords).size).toBe(4);
    for (const password of passwords) expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
    const handed = filesOf(services);
    const password = (name: string) => readFileSync(join(home, 'passwords', name), 'utf8').trim();
    for (const name of ['vault', 'responder']) {
      const url = new URL((handed.get(`${name}/database.url`) ?? '').trim());
      expect([url.username, url.password, url.pathname]).toEqual([name, password(`${name}-database`), `/${name}`]);
      expect(handed.get('postgres/services.sql')).toContain(`CREATE ROLE ${name} LOGIN PASSWORD '${url.password}';`);
      expect(handed.get(`${name}/redis.url`)).toBe(`redis://:${password('redis')}@redis:6379\n`);
    }
    expect(handed.get('postgres/services.sql')).not.toContain(password('postgres'));
    expect(handed.get('redis/redis.conf')).toBe(`requirepass ${password('redis')}\n`);
  });

  it('changes nothing when it runs again, and restores what a service lost', () => {
    const before = [filesOf(home), filesOf(services)];
    rmSync(join(services, 'vault/keys.json'));
    expect(init()).toMatchObject({ status: 0, stderr: '' });
    expect([filesOf(home), filesOf(services)]).toEqual(before);
  });

  it('leaves a service the keys that came into their place later, and hands out those that were made here since', () => {
    const [own, handed] = [join(home, 'services/vault.keys.json'), join(services, 'vault/keys.json')];
    const first = readFileSync(handed, 'utf8');
    writeFileSync(handed, `${first}\n`);
    expect(init()).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(handed, 'utf8')).toBe(`${first}\n`);
    const later = new Date(Date.now() + 5_000);
    utimesSync(own, later, later);
    expect(init()).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(handed, 'utf8')).toBe(first);
    const now = new Date();
    utimesSync(own, now, now);
  });

  it('sets the folders of marks up for the keys of log 1, and one that was lost for no key but the next', async () => {
    const setUp = (name: string) => join(services, `${name}-marks/audit-marks/log.json`);
    const keyOf = (name: string) => {
      const { urn, keys } = keyFileSchema.parse(JSON.parse(readFileSync(join(services, `${name}/keys.json`), 'utf8')));
      const key = keys.find(isCheckpointKey);
      return { v: 1, urn, kid: key?.kid, log: key !== undefined && 'log' in key ? key.log : undefined };
    };
    for (const name of ['vault', 'responder']) {
      expect(JSON.parse(readFileSync(setUp(name), 'utf8'))).toEqual(keyOf(name));
      expect(keyOf(name).log).toBe(1);
      expect(existsSync(join(home, `audit/${name}/log.json`))).toBe(false);
      rmSync(setUp(name));
    }
    expect(init()).toMatchObject({ status: 0, stderr: '' });
    expect(['vault', 'responder'].map((name) => existsSync(setUp(name)))).toEqual([false, false]);
    // As `bulla trust renew --begin-logs` leaves it where no service holds the new keys yet.
    const leavesOut = async (all: readonly { kids: readonly string[] }[]) => new Set(all.flatMap(({ kids }) => kids));
    const now = secondsOf((await directory()).issued);
    const begun = await renewOrganisation(new Home(home), now, { beginsLogs: true, leavesOut });
    expect(begun?.changes.filter((line) => line.includes('directory'))).toEqual([]);
    expect(init()).toMatchObject({ status: 0, stderr: '' });
    for (const name of ['vault', 'responder']) {
      expect(JSON.parse(readFileSync(setUp(name), 'utf8'))).toEqual(keyOf(name));
      expect(keyOf(name).log).toBe(2);
    }
    const listed = (await directory()).entities[keyOf('vault').urn]?.keys.flatMap(({ log }) => log ?? []);
    expect(new Set(listed)).toEqual(new Set([1, 2]));
  });

  it('hands the renewer its memory once: neither over what it has come to remember, nor where that was lost', () => {
    const memory = 'services/renewer.trust.json';
    const [own, handed] = [join(home, memory), join(services, 'renew', memory)];
    const first = readFileSync(handed, 'utf8');
    expect(existsSync(own)).toBe(false);
    // Interrupted after it was handed over.
    writeFileSync(own, first);
    writeFileSync(handed, 'later');
    expect(init()).toMatchObject({ status: 0, stderr: '' });
    expect([existsSync(own), readFileSync(handed, 'utf8')]).toEqual([false, 'later']);
    rmSync(join(services, 'renew'), { recursive: true });
    expect(init()).toMatchObject({ status: 0, stderr: '' });
    expect([...filesOf(join(services, 'renew')).keys()]).toEqual(['profile.json', 'services/renewer.keys.json']);
    writeFileSync(handed, first, { mode: 0o600 });
  });

  it('makes no second organisation when the keys of the first were taken away', () => {
    const before = filesOf(services);
    const offline = join(folder, 'offline');
    cpSync(home, offline, { recursive: true });
    rmSync(home, { recursive: true });
    mkdirSync(home);
    expect(init()).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(filesOf(home).size).toBe(0);
    expect(filesOf(services)).toEqual(before);
    cpSync(offline, home, { recursive: true });
  });
});
