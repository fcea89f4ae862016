import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { findPostgres, serverUser } from './postgres-programs.js';
import { startTestPostgres, type TestPostgres } from './test-postgres.js';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const folders: string[] = [];
function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulla-programs-'));
  folders.push(folder);
  execFileSync('chmod', ['755', folder]);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o755 });
  return folder;
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const installed = findPostgres();

// Where no server is installed these tests cannot mean anything; the others still run.
(installed === undefined ? describe.skip : describe)('a cluster of our own', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startTestPostgres({ settings: { log_min_duration_statement: '0' } });
  });
  afterAll(() => server.stop());

  it('answers under its URL, to its password only', async () => {
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const wrong = server.url.replace(/:[^:@]*@/, ':wrong@');
    await expect(query(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps its data and its log where it says', async () => {
    await query(server.url, `SELECT 'planted' AS control`);
    expect(readFileSync(server.logFile, 'utf8')).toContain('planted');
    expect(existsSync(join(server.dataDir, 'pg_wal'))).toBe(true);
    expect(await query(server.url, 'SHOW data_directory')).toEqual([{ data_directory: server.dataDir }]);
  });

  it('takes settings', async () => {
    expect(await query(server.url, 'SHOW log_min_duration_statement')).toEqual([{ log_min_duration_statement: '0' }]);
  });

  it('ends its own process and removes its files, once', async () => {
    const other = await startTestPostgres();
    expect(isRunning(other.pid)).toBe(true);
    await other.stop({ keepFiles: true });
    expect(isRunning(other.pid)).toBe(false);
    expect(existsSync(join(other.dataDir, 'PG_VERSION'))).toBe(true);
    await other.stop();
    expect(existsSync(other.dataDir)).toBe(false);
    expect(await query(server.url, 'SELECT 1 AS one')).toHaveLength(1);
  });

  it('says with the log why a server does not start, and leaves no files', async () => {
    await expect(startTestPostgres({ settings: { no_such_setting: '1' } })).rejects.toThrow(/no_such_setting/);
  });
});

describe('finding the programs', () => {
  it('prefers PATH, and wants both programs', () => {
    const both = folderWith({ initdb: '', postgres: '' });
    const one = folderWith({ initdb: '' });
    expect(findPostgres([one, both], '/nowhere')).toEqual({
      initdb: join(both, 'initdb'),
      postgres: join(both, 'postgres'),
    });
  });

  it('takes the newest version of a folder of versions', () => {
    const folder = folderWith({});
    for (const version of ['9', '15', '16']) {
      execFileSync('mkdir', ['-p', join(folder, version, 'bin')]);
      for (const name of ['initdb', 'postgres']) writeFileSync(join(folder, version, 'bin', name), '', { mode: 0o755 });
    }
    expect(findPostgres([], folder)?.postgres).toBe(join(folder, '16', 'bin', 'postgres'));
  });

  it('finds nothing where there is nothing', () => {
    expect(findPostgres([], '/nowhere')).toBeUndefined();
  });

  it('refuses to start without a server, or with one whose initdb fails', async () => {
    const broken = folderWith({ initdb: '#!/bin/sh\necho no >&2\nexit 1\n', postgres: '' });
    const programs = { initdb: join(broken, 'initdb'), postgres: join(broken, 'postgres') };
    await expect(startTestPostgres({ programs })).rejects.toThrow('Command failed');
  });
});

describe('the operating system user of a server', () => {
  it('is ourselves unless we are root', () => {
    expect(serverUser(1000)).toBeUndefined();
    expect(serverUser(undefined, 'root')).toEqual(process.getuid?.() === 0 ? { uid: 0, gid: 0 } : undefined);
  });

  it('is looked up by name as root, and missed by name', () => {
    expect(serverUser(0, 'root')).toEqual({ uid: 0, gid: 0 });
    expect(() => serverUser(0, 'no-such-user')).toThrow('no-such-user');
  });
});
