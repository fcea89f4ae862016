import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Home, HomeError, requirePrivate } from './home.js';

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-home-'));
  home = new Home(join(folder, 'inner'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('the home folder', () => {
  it('writes files for the owner alone, in folders for the owner alone, and leaves no temporary file', async () => {
    await home.write('org/dev/root.json', 'one');
    await home.write('org/dev/root.json', 'two');
    expect(await home.read('org/dev/root.json')).toBe('two');
    expect(await modeOf(home.path('org/dev/root.json'))).toBe(0o600);
    expect(await modeOf(home.path('org/dev'))).toBe(0o700);
    expect(await modeOf(home.folder)).toBe(0o700);
    expect(await readdir(home.path('org/dev'))).toEqual(['root.json']);
  });

  it('leaves no temporary file where it cannot write', async () => {
    await home.makeFolder(home.path('taken'));
    await expect(home.write('taken', 'one')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(home.folder)).toEqual(['taken']);
  });

  it('reads no file without end', async () => {
    await expect(new Home('/dev').read('zero')).rejects.toThrow('/dev/zero is larger than 268435456 bytes');
  });

  it('tightens a folder that was there with a looser mode', async () => {
    await home.makeFolder();
    await chmod(home.folder, 0o755);
    await home.write('a', '');
    expect(await modeOf(home.folder)).toBe(0o700);
  });

  it('leaves the mode of a folder that somebody else made [guard: home-foreign-mode]', async () => {
    const foreign = join(folder, 'foreign');
    await mkdir(foreign, { mode: 0o755 });
    await chmod(foreign, 0o755);
    const inside = new Home(foreign);
    expect(await inside.isOpenToOthers()).toBe(true);
    for (const name of ['identity.json', 'org/dev/root.json', 'identity.json']) await inside.write(name, 'x');
    await new Home(foreign).write('trust.json', 'x');
    expect(await modeOf(foreign)).toBe(0o755);
    expect(await modeOf(inside.path('org'))).toBe(0o700);
    expect(await modeOf(inside.path('identity.json'))).toBe(0o600);
  });

  it.each(['/proc/bulla/home', '/dev/null/home'])('is refused where the system makes no folder: %s', async (path) => {
    const refused = new Home(path).lock('lock', 0);
    await expect(refused).rejects.toBeInstanceOf(HomeError);
    await expect(refused).rejects.toThrow(/^cannot make the folder .* set BULLA_HOME to another one$/);
  });

  it('knows whether others may look into it', async () => {
    expect(await home.isOpenToOthers()).toBe(false);
    await home.makeFolder();
    expect(await home.isOpenToOthers()).toBe(false);
    await chmod(home.folder, 0o710);
    expect(await home.isOpenToOthers()).toBe(true);
  });

  it('says undefined for a file that is not there, and removes one that may not be', async () => {
    expect(await home.read('nothing')).toBeUndefined();
    expect(await home.readSecret('nothing')).toBeUndefined();
    await home.write('a', 'x');
    await home.remove('a');
    await home.remove('a');
    expect(await home.read('a')).toBeUndefined();
  });

  it('names the file it cannot read', async () => {
    await home.makeFolder(home.path('sub'));
    await expect(home.read('sub')).rejects.toThrow(/cannot read .*sub \(EISDIR\)/);
  });

  it('refuses a secret that others may read and says how to mend it [guard: secret-file-mode]', async () => {
    await home.write('identity.json', 'x');
    expect(await home.readSecret('identity.json')).toBe('x');
    await chmod(home.path('identity.json'), 0o644);
    await expect(home.readSecret('identity.json')).rejects.toThrow(/chmod 600/);
    await expect(requirePrivate(home.path('identity.json'))).rejects.toBeInstanceOf(HomeError);
  });
});

describe('the lock', () => {
  it('is exclusive, names its holder, and is free again after release', async () => {
    const release = await home.lock('lock', 0);
    await expect(home.lock('lock', 0)).rejects.toThrow(new RegExp(`process ${process.pid}`));
    await release();
    await (await home.lock('lock', 0))();
    expect(await readdir(home.folder)).toEqual([]);
  });

  it('waits for a holder that lets go', async () => {
    const release = await home.lock('lock', 0);
    const second = home.lock('lock', 10_000);
    await release();
    await (await second)();
    expect(await home.read('lock')).toBeUndefined();
  });

  it.each([
    ['a process that is gone', () => JSON.stringify({ pid: spawnSync('true').pid, started: '1' })],
    ['a process id that another program has by now', () => JSON.stringify({ pid: process.pid, started: '1' })],
    ['a text that is no lock', () => 'garbage'],
  ])('is taken over from %s', async (_name, text) => {
    await home.makeFolder();
    await writeFile(home.path('lock'), text());
    const release = await home.lock('lock', 0);
    expect(await home.read('lock')).toContain(`"pid":${process.pid}`);
    await release();
  });

  it('goes to one of many who find it stale at once', async () => {
    await home.makeFolder();
    await writeFile(home.path('lock'), 'garbage');
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => home.lock('lock', 0)));
    expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  });

  it('is taken from a dead holder even when the process that was doing so died too', async () => {
    await home.makeFolder();
    await writeFile(home.path('lock'), 'garbage');
    await mkdir(home.path('lock.discard'));
    const long = new Date(Date.now() - 60_000);
    await utimes(home.path('lock.discard'), long, long);
    await (await home.lock('lock', 0))();
    expect(await readdir(home.folder)).toEqual([]);
  });

  it('is not released by somebody who no longer has it', async () => {
    const release = await home.lock('lock', 0);
    await home.write('lock', '{"pid":1,"started":"other"}');
    await release();
    expect(await home.read('lock')).toContain('other');
  });
});
