import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { World } from '../../test/world.js';
import { writeNewPieces } from './file-streams.js';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.remove());

const signal = new AbortController().signal;
async function* pieces(...texts: (string | (() => void))[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (typeof text === 'string') yield await Promise.resolve(new TextEncoder().encode(text));
    else text();
  }
}
const write = (path: string, ...texts: Parameters<typeof pieces>) =>
  writeNewPieces(path, pieces(...texts), { mode: 0o600, signal });

describe('a new file of pieces', () => {
  it('is there when all of it came, and not before', async () => {
    const path = world.path('film.mkv');
    await write(path, 'a', () => expect(existsSync(path)).toBe(false), 'b');
    expect(readFileSync(path, 'utf8')).toBe('ab');
    expect(readdirSync(world.folder)).toEqual(['film.mkv']);
  });

  it('leaves one that appeared meanwhile as it is', async () => {
    const path = world.path('film.mkv');
    const late = write(path, 'mine', () => writeFileSync(path, 'another’s'));
    await expect(late).rejects.toThrow(`${path} is there already: it stays as it is`);
    expect(readFileSync(path, 'utf8')).toBe('another’s');
    expect(readdirSync(world.folder)).toEqual(['film.mkv']);
  });

  it('is written by one of many who write it at once [guard: new-file-link]', async () => {
    const path = world.path('film.mkv');
    const texts = Array.from({ length: 16 }, (_, at) => `text ${at}`);
    const ended = await Promise.allSettled(texts.map((text) => write(path, text)));
    const won = texts.filter((_, at) => ended[at]?.status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(readFileSync(path, 'utf8')).toBe(won[0]);
    expect(readdirSync(world.folder)).toEqual(['film.mkv']);
  });
});
