import { mkdir, symlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { World } from '../../test/world.js';
import type { Io } from '../io.js';
import { readVariables } from './variables.js';

function ioWith(...chunks: readonly (string | Uint8Array)[]): Io {
  const stdin = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  return { stdin, signal: new AbortController().signal } as unknown as Io;
}

it('a file without end is read up to the limit of any file', async () => {
  const io = { signal: new AbortController().signal } as Io;
  await expect(readVariables(io, { values: ['x=@/dev/zero'] })).rejects.toThrow(
    '/dev/zero is larger than 67108864 bytes',
  );
});

describe('variables of a run', () => {
  it('come from the command line, from files and from standard input, exactly', async () => {
    const world = await World.make();
    const path = await world.file('claim.txt', 'line\r\nend\n');
    const vars = await readVariables(ioWith('a', Buffer.from('b\n')), {
      values: ['x=1=2', 'empty=', `claim=@${path}`, 'rest=-'],
    });
    expect(vars).toEqual({ x: '1=2', empty: '', claim: 'line\r\nend\n', rest: 'ab\n' });
    await world.remove();
  });

  it('may be called like a member of every object', async () => {
    expect(Object.keys(await readVariables(ioWith(), { values: ['constructor=1'] }))).toEqual(['constructor']);
  });

  it.each([
    ['no value', ['secret'], /expected name=text/],
    ['a name that is none', ['9x=secret'], /expected name=text/],
    ['a name twice', ['x=secret', 'x=secret'], /x is given twice/],
    ['a character that text does not have', ['x=secret\u0000'], /x holds the character U\+0000/],
    ['standard input twice', ['x=-', 'y=-'], /only one variable/],
    [
      'a file that is not there',
      ['x=@/nowhere/at/all'],
      /cannot read \/nowhere\/at\/all: there is no such file or folder \(ENOENT\)/,
    ],
  ])('refuse %s without repeating a value', async (_name, given, message) => {
    const refusal = await readVariables(ioWith('text'), { values: given }).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ name: 'UsageError', message: expect.stringMatching(message) });
    expect((refusal as Error).message).not.toContain('secret');
  });

  it('are texts with --var-text, whatever they begin with', async () => {
    const texts = ['x=@/etc/hostname', 'y=-', 'z=a=b'];
    expect(await readVariables(ioWith('text'), { values: ['a=1'], texts })).toEqual({
      a: '1',
      x: '@/etc/hostname',
      y: '-',
      z: 'a=b',
    });
    const refused = [['no value'], ['a=1'], ['x=\u0000']];
    for (const more of refused)
      await expect(readVariables(ioWith(), { values: ['a=1'], texts: more })).rejects.toThrow(/^--var-text: /);
  });

  it.each<[string, (world: World) => Promise<string> | string]>([
    ['as it is', (world) => world.path('home/identity.json')],
    ['in a folder below', (world) => world.path('home/org/root.key')],
    ['by a detour', (world) => `${world.folder}/other/../home/./identity.json`],
    ['by a link to the file', (world) => linkTo(world, 'home/identity.json')],
    ['by a link to the folder', async (world) => `${await linkTo(world, 'home')}/identity.json`],
    ['by a link to a link', async (world) => linkTo(world, basename(await linkTo(world, 'home/identity.json')))],
    ['by the name of its folder of before', (world) => world.path('alias/identity.json')],
    ['that lies elsewhere', (world) => world.path('device.json')],
  ])('are not read from a file of keys %s [guard: var-key-file]', async (_name, pathIn) => {
    const world = await World.make();
    for (const folder of ['home/org', 'other']) await mkdir(world.path(folder), { recursive: true });
    for (const name of ['home/identity.json', 'home/org/root.key', 'device.json', 'other/claim.txt'])
      await world.file(name, 'secret');
    await symlink(world.path('home'), world.path('alias'));
    const keyPlaces = [world.path('alias'), world.path('device.json'), world.path('nothing')];
    const read = async (path: string) => readVariables(ioWith(), { values: [`x=@${path}`], keyPlaces });
    const refusal = await read(await pathIn(world)).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({
      name: 'UsageError',
      message: '--var: x names a file where Bulla keeps keys: nothing was sent',
    });
    expect(await read(world.path('other/claim.txt'))).toEqual({ x: 'secret' });
    await world.remove();
  });

  it('refuse what is not UTF-8 on standard input', async () => {
    await expect(readVariables(ioWith(Buffer.from([0xff])), { values: ['x=-'] })).rejects.toThrow(
      'standard input is not UTF-8 text',
    );
  });

  it('refuse standard input without end', async () => {
    const chunk = Buffer.alloc(33 * 1024 * 1024);
    await expect(readVariables(ioWith(chunk, chunk), { values: ['x=-'] })).rejects.toThrow(/standard input is larger/);
  });
});

let links = 0;
async function linkTo(world: World, name: string): Promise<string> {
  const path = world.path(`link-${(links += 1)}`);
  await symlink(world.path(name), path);
  return path;
}
