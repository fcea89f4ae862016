import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { World } from '../test/world.js';
import { writeWhole } from './files.js';

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
