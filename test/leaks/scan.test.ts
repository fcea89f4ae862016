import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { needlesOf } from './needles.js';
import { scan } from './scan.js';

const CANARY = 'Größe-of-the-"canary" is 47\\11';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-scan-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the leak scanner', () => {
  it.each([
    ['raw', (text: string) => Buffer.from(text)],
    ['hexadecimal', (text: string) => Buffer.from(Buffer.from(text).toString('hex'))],
    ['upper-case hexadecimal', (text: string) => Buffer.from(Buffer.from(text).toString('hex').toUpperCase())],
    ['JSON', (text: string) => Buffer.from(JSON.stringify({ text }))],
    [
      'JSON with escapes alone',
      (text: string) => Buffer.from(JSON.stringify(text).replaceAll('ö', '\\u00f6').replaceAll('ß', '\\u00df')),
    ],
    ['Latin-1', (text: string) => Buffer.from(text, 'latin1')],
    ['UTF-16, little end first', (text: string) => Buffer.from(text, 'utf16le')],
    ['UTF-16, big end first', (text: string) => Buffer.from(text, 'utf16le').swap16()],
  ])('finds a planted text as %s, deep in a folder', async (_name, encode) => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await writeFile(
      join(folder, 'a/b/c'),
      Buffer.concat([Buffer.from('before'), encode(CANARY), Buffer.from('after')]),
    );
    const result = await scan([folder], needlesOf(CANARY));
    expect(result.found).not.toEqual([]);
    expect(result.files).toBe(1);
  });

  it.each(['base64', 'base64url'] as const)('finds a text inside anything that was encoded as %s', async (encoding) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), async (before, after) => {
        await writeFile(join(folder, 'file'), Buffer.concat([before, Buffer.from(CANARY), after]).toString(encoding));
        expect((await scan([folder], needlesOf(CANARY))).found).not.toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it.each([-1, 0, 1, 5, 40])('finds a text that lies across two of the pieces it reads (%i)', async (shift) => {
    const at = 4 * 1024 * 1024 - shift;
    const content = Buffer.alloc(2 * at);
    content.write(CANARY, at);
    await writeFile(join(folder, 'large'), content);
    const result = await scan([folder], needlesOf(CANARY));
    expect(result.bytes).toBe(content.length);
    expect(result.found).not.toEqual([]);
  });

  it('finds nothing in other texts, and leaves out what it is told to', async () => {
    await writeFile(join(folder, 'other'), 'nothing of that kind');
    await writeFile(join(folder, 'own'), CANARY);
    const result = await scan([folder], needlesOf(CANARY), (path) => path.endsWith('own'));
    expect(result).toEqual({ files: 1, bytes: 20, found: [] });
  });

  it('refuses a canary that is too short to be no accident', () => {
    expect(() => needlesOf('short')).toThrow(RangeError);
  });
});
