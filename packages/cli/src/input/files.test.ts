import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { World } from '../../test/world.js';
import { readBytes, writeWhole } from './files.js';
import type { Io } from '../io.js';

describe('files that commands write', () => {
  it('are for their owner alone, replace what was there, and leave nothing beside', async () => {
    const world = await World.make();
    const path = world.path('answer.json');
    await writeWhole(path, 'one');
    await writeWhole(path, 'two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(world.folder)).toEqual(['answer.json']);
    await world.remove();
  });

  it('cannot be written into a folder that is not there, and say so', async () => {
    await expect(writeWhole('/nowhere/at/all.json', 'x')).rejects.toThrow(
      'cannot write /nowhere/at/all.json: there is no such file or folder (ENOENT)',
    );
  });
});

describe('files that commands read', () => {
  it('are read as far as they are of use, however long they are [guard: file-size]', async () => {
    const world = await World.make();
    const path = await world.file('long.json', 'x'.repeat(1000));
    const io = { signal: new AbortController().signal } as Io;
    expect(await readBytes(io, path, 1000)).toHaveLength(1000);
    const outcome = await readBytes(io, path, 999).then(
      () => 'read',
      (error: unknown) => String(error),
    );
    expect(outcome).toContain('is larger than 999 bytes');
    // It never ends, and is no regular file.
    await expect(readBytes(io, '/dev/zero', 1_000_000)).rejects.toThrow('/dev/zero is larger than 1000000 bytes');
    await world.remove();
  });
});
