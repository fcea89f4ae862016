import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeTiledLog } from '../testing/tiled-log.js';
import { flipBit } from '../../test/test-log.js';
import { changing, ENTRIES, flipping, LARGE, one, ORIGIN, removing, TamperedLogs } from '../../test/tampered-logs.js';
import type { Change } from '../../test/tampered-logs.js';
import { utf8 } from '../encoding/bytes.js';
import { signCheckpoint } from './checkpoint.js';
import type { Bytes } from '../encoding/bytes.js';
import { parseTilePath } from './tiles.js';
import { verifyLog } from './verify-log.js';

let logs: TamperedLogs;

beforeAll(async () => {
  logs = await TamperedLogs.make();
});

describe('the entries of a tile are named', () => {
  it.each([
    ['of leaves [guard: log-tile]', 'tile/0/003', { first: 768, last: 1023 }, 768],
    ['of leaves, the first', 'tile/0/000', { first: 0, last: 255 }, 0],
    ['of leaves at the end, which is not full', 'tile/0/273.p/112', { first: 69_888, last: 69_999 }, 0],
    ['above it, at its first hash', 'tile/1/000', { first: 0, last: 255 }, 0],
    ['above it, which is not full', 'tile/1/001.p/17', { first: 65_536, last: 65_791 }, 0],
    ['at the top', 'tile/2/000.p/1', { first: 0, last: 65_535 }, 0],
  ])('that was changed: %s', async (_name, path, entries, seen) => {
    expect(await logs.verified(LARGE, flipping(path))).toEqual({ check: 'tile', entries, seen });
  });

  it('above it, at another hash', async () => {
    const entries = { first: 256 * 5, last: 256 * 6 - 1 };
    expect(await logs.verified(LARGE, flipping('tile/1/000', 5 * 32))).toEqual({ check: 'tile', entries, seen: 0 });
  });

  it.each([
    ['tile/0/003', { first: 768, last: 1023 }, 768],
    ['tile/0/273.p/112', { first: 69_888, last: 69_999 }, 0],
    ['tile/1/001.p/17', { first: 65_536, last: 69_887 }, 0],
  ])('that has not its length: %s [guard: log-tile-length]', async (path, entries, seen) => {
    const shorter = changing(path, (bytes) => bytes.slice(1));
    expect(await logs.verified(LARGE, shorter)).toEqual({ check: 'tile', entries, seen });
  });

  it.each([
    ['tile/0/000', { first: 0, last: 255 }, 0],
    ['tile/0/273.p/112', { first: 69_888, last: 69_999 }, 0],
    ['tile/1/000', { first: 0, last: 65_535 }, 0],
    ['tile/2/000.p/1', { first: 0, last: 65_535 }, 0],
  ])('that is missing: %s [guard: log-tile-missing]', async (path, entries, seen) => {
    expect(await logs.verified(LARGE, removing(path))).toEqual({ check: 'missing', entries, seen });
  });

  it.each([
    ['tile/entries/000', { first: 0, last: 255 }, 0],
    ['tile/entries/273.p/112', { first: 69_888, last: 69_999 }, 69_888],
  ])('whose entries are missing: %s [guard: log-bundle-missing]', async (path, entries, seen) => {
    expect(await logs.verified(LARGE, removing(path))).toEqual({ check: 'missing', entries, seen });
  });
});

describe('a log whose entries are gone, and not their hashes', () => {
  /** How many entries came, and which did not. */
  const pruned = async (size: number, change: Change) => {
    const files = new Map(logs.of(size).files);
    change(files);
    const absent: unknown[] = [];
    const seen: number[] = [];
    const { checkpoint } = await verifyLog({
      read: async (path) => files.get(path),
      trust: { origin: ORIGIN, keys: [logs.signer.key] },
      kept: [logs.of(257).head],
      onEntry: (index) => void seen.push(index),
      onAbsent: (entries) => void absent.push(entries),
    });
    return { size: checkpoint.size, absent, first: seen[0], seen: seen.length };
  };
  const without =
    (...paths: string[]): Change =>
    (files) => {
      for (const path of paths) removing(path)(files);
    };

  it('verifies from these, and says which are gone, in order', async () => {
    expect(await pruned(600, without('tile/entries/000', 'tile/entries/001'))).toEqual({
      size: 600,
      absent: [
        { first: 0, last: 255 },
        { first: 256, last: 511 },
      ],
      first: 512,
      seen: 88,
    });
    const many = Array.from({ length: 270 }, (_, tile) => `tile/entries/${String(tile).padStart(3, '0')}`);
    expect(await pruned(LARGE, without(...many))).toMatchObject({ first: 270 * 256, seen: LARGE - 270 * 256 });
  });

  it.each([
    ['of a bundle that is not full', without('tile/entries/002.p/88'), 'missing'],
    ['with the hashes of them', without('tile/entries/000', 'tile/0/000'), 'missing'],
    [
      'where another is changed',
      (files: Map<string, Bytes>) => {
        removing('tile/entries/000')(files);
        flipping('tile/entries/001', 9)(files);
      },
      'entry',
    ],
    [
      'where one of their hashes is changed',
      (files: Map<string, Bytes>) => {
        removing('tile/entries/000')(files);
        flipping('tile/0/000', 9)(files);
      },
      'tile',
    ],
  ])('is refused %s', async (_name, change, check) => {
    await expect(pruned(600, change)).rejects.toMatchObject({ code: 'log_inconsistent', check });
  });
});

describe('a log is refused', () => {
  it('after any bit of a tile or bundle was flipped, and the entry lies in what is named', () =>
    fc.assert(
      fc.asyncProperty(fc.boolean(), fc.nat(), fc.nat(), async (hasKept, at, bit) => {
        const paths = [...logs.of(600).files.keys()].filter((path) => path !== 'checkpoint');
        const path = paths[at % paths.length] ?? '';
        const length = (logs.of(600).files.get(path)?.length ?? 0) * 8;
        const change = changing(path, (bytes) => flipBit(bytes, bit % length));
        const { check, entries, ...rest } = await logs.verified(600, change, hasKept ? [logs.of(257).head] : []);
        const { first, last } = entries as { first: number; last: number };
        const place = parseTilePath(path);
        expect(rest).toEqual({ seen: path.startsWith('tile/entries/') ? first : rest.seen });
        expect(check).toBe(place.level === 'entries' ? 'entry' : 'tile');
        // Of an entry that was changed nothing else is named.
        expect(place.level !== 'entries' || first === last).toBe(true);
        const start = place.level === 1 ? 0 : place.index * 256;
        expect(first).toBeGreaterThanOrEqual(start);
        expect(last).toBeLessThan(place.level === 1 ? 512 : start + place.width);
      }),
      { numRuns: 200 },
    ));

  it('without a checkpoint [guard: log-checkpoint-missing]', async () => {
    expect(await logs.verified(257, removing('checkpoint'))).toEqual({ check: 'missing', seen: 0 });
  });

  it('under the checkpoint of another tree, and no entry of it is shown [guard: log-root]', async () => {
    const other = await signCheckpoint(ORIGIN, { size: 257, root: new Uint8Array(32) }, [logs.signer]);
    const change: Change = (files) => files.set('checkpoint', utf8(other));
    expect(await logs.verified(257, change)).toEqual({ check: 'root', seen: 0 });
  });

  it('that was written anew under the old checkpoint', async () => {
    const forged = await makeTiledLog(ENTRIES.slice(0, 257).with(100, utf8('forged')), logs.signer);
    const change: Change = (files) => {
      for (const [path, bytes] of forged.files) if (path !== 'checkpoint') files.set(path, bytes);
    };
    expect(await logs.verified(257, change)).toEqual({ check: 'root', seen: 0 });
  });

  it('whose end was cut off', async () => {
    const change: Change = (files) => {
      for (const path of files.keys()) if (path !== 'checkpoint' && !logs.of(256).files.has(path)) files.delete(path);
    };
    expect(await logs.verified(257, change)).toEqual({ check: 'missing', entries: one(256), seen: 0 });
  });

  it('that was larger before [guard: log-rollback]', async () => {
    expect(await logs.verified(256, undefined, [logs.of(257).head])).toEqual({ check: 'rollback', seen: 0 });
  });

  it('that shows another tree of the same size [guard: log-fork]', async () => {
    const fork = await makeTiledLog(ENTRIES.slice(0, 257).with(256, utf8('forged')), logs.signer);
    expect(await logs.verified(257, undefined, [fork.head])).toEqual({ check: 'fork', seen: 0 });
    // No tile can explain two signed roots.
    expect(await logs.verified(257, flipping('tile/0/000'), [fork.head])).toEqual({ check: 'fork', seen: 0 });
  });

  it('that does not begin with what it had [guard: log-prefix]', async () => {
    for (const size of [1, 256, 300]) {
      const fork = await makeTiledLog(ENTRIES.slice(0, size).with(0, utf8('forged')), logs.signer);
      expect(await logs.verified(600, undefined, [logs.of(255).head, fork.head])).toEqual({ check: 'fork', seen: 0 });
    }
    const notEmpty = { size: 0, root: new Uint8Array(32) };
    expect(await logs.verified(600, undefined, [notEmpty])).toEqual({ check: 'fork', seen: 0 });
  });

  it('for the tile that was changed, where that would look like a fork', async () => {
    const outcome = await logs.verified(600, flipping('tile/0/000'), [logs.of(255).head]);
    expect(outcome).toEqual({ check: 'tile', entries: { first: 0, last: 255 }, seen: 0 });
  });

  it('that shows the edge once and another one afterwards', async () => {
    const { files } = logs.of(600);
    const shown = new Set<string>();
    const read = async (path: string) => {
      const bytes = files.get(path);
      const again = shown.has(path);
      shown.add(path);
      return again && bytes !== undefined ? flipBit(bytes, 0) : bytes;
    };
    // Of the edge nothing is read twice but for the older head, whose proof then does not hold.
    expect(await logs.outcomeOf(read)).toEqual({ seen: 600 });
    shown.clear();
    expect(await logs.outcomeOf(read, [logs.of(257).head])).toMatchObject({ seen: 0 });
  });

  it('with what its reader says, where that fails', async () => {
    const { files } = logs.of(600);
    const read = async (path: string) => {
      if (path === 'tile/entries/001') throw new Error('the network is down');
      return files.get(path);
    };
    await expect(logs.outcomeOf(read)).rejects.toThrow('the network is down');
    await expect(logs.outcomeOf(() => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  });
});
