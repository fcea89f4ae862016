import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import type { Tile } from './tiles.js';
import {
  encodeEntryBundle,
  encodeHashTile,
  firstEntries,
  parseEntryBundle,
  parseHashTile,
  parseTilePath,
  tileIn,
  tilePath,
  tilesOf,
} from './tiles.js';

const MALFORMED = expect.objectContaining({ code: 'token_malformed' });
const hash32 = (byte: number) => new Uint8Array(32).fill(byte);
const tiles = fc.record({
  level: fc.oneof(fc.constant('entries' as const), fc.nat({ max: 63 })),
  index: fc.maxSafeNat(),
  width: fc.integer({ min: 1, max: 256 }),
});

describe('the path of a tile', () => {
  it.each<[string, Tile]>([
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/entries/x001/x234/067', { level: 'entries', index: 1_234_067, width: 256 }],
    ['tile/2/x001/000.p/17', { level: 2, index: 1000, width: 17 }],
    ['tile/63/999.p/255', { level: 63, index: 999, width: 255 }],
    ['tile/0/x009/x007/x199/x254/x740/991', { level: 0, index: Number.MAX_SAFE_INTEGER, width: 256 }],
  ])('is %s', (path, tile) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it('comes back for every tile', () =>
    fc.assert(fc.property(tiles, (tile) => expect(parseTilePath(tilePath(tile))).toEqual(tile))));

  it('has one spelling', () =>
    fc.assert(
      fc.property(tiles, fc.nat(), fc.constantFrom('', '0', '/', 'x', '.p', 'x000/', ' ', '\n'), (tile, at, put) => {
        const path = tilePath(tile);
        const start = at % (path.length + 1);
        const changed = path.slice(0, start) + put + path.slice(start + 1);
        fc.pre(changed !== path);
        const read = attempt(() => parseTilePath(changed));
        expect(read === undefined || tilePath(read) === changed).toBe(true);
      }),
      { numRuns: 1000 },
    ));

  it.each([
    ['of a group of zeros before it [guard: tile-path]', 'tile/0/x000/067'],
    ['of a width that is full', 'tile/0/000.p/256'],
    ['of a width of zero', 'tile/0/000.p/0'],
    ['of a width with a leading zero', 'tile/0/000.p/017'],
    ['of a width that no tile has', 'tile/0/000.p/257'],
    ['of a level with a leading zero', 'tile/00/000'],
    ['of a level beyond the last', 'tile/64/000'],
    ['of a level below zero', 'tile/-1/000'],
    ['of a level by another name', 'tile/data/000'],
    ['of Go, with the height', 'tile/8/0/000'],
    ['of a short group', 'tile/0/67'],
    ['of a long group', 'tile/0/0067'],
    ['without x', 'tile/0/001/067'],
    ['with x before the last group', 'tile/0/x067'],
    ['of an index that cannot be counted to', 'tile/0/x009/x007/x199/x254/x740/992'],
    ['of an index of seven groups', 'tile/0/x001/x000/x000/x000/x000/x000/000'],
    ['with a slash before it', '/tile/0/000'],
    ['with a line after it', 'tile/0/000\n'],
    ['of nothing', ''],
  ])('is refused %s', (_name, path) => {
    expect(() => parseTilePath(path)).toThrow(MALFORMED);
  });

  it.each<[string, Tile]>([
    ['a level of 64', { level: 64, index: 0, width: 1 }],
    ['half a level', { level: 0.5, index: 0, width: 1 }],
    ['an index below zero', { level: 0, index: -1, width: 1 }],
    ['an index that cannot be counted to', { level: 0, index: 2 ** 53, width: 1 }],
    ['no width [guard: tile-width]', { level: 0, index: 0, width: 0 }],
    ['a width of 257', { level: 0, index: 0, width: 257 }],
  ])('is not written for %s', (_name, tile) => {
    expect(() => tilePath(tile)).toThrow(MALFORMED);
  });
});

describe('the tiles of a tree', () => {
  const pathsOf = (size: number) => [...tilesOf(size)].map(tilePath);

  it('of 70,000 leaves are those of the example in C2SP tlog-tiles', () => {
    const paths = pathsOf(70_000);
    const of = (level: string) => paths.filter((path) => path.startsWith(`tile/${level}/`));
    expect([of('0').length, of('0').at(-2), of('0').at(-1)]).toEqual([274, 'tile/0/272', 'tile/0/273.p/112']);
    expect(of('1')).toEqual(['tile/1/000', 'tile/1/001.p/17']);
    expect(of('2')).toEqual(['tile/2/000.p/1']);
    expect(of('entries')).toEqual(of('0').map((path) => path.replace('/0/', '/entries/')));
    expect(paths).toHaveLength(274 + 2 + 1 + 274);
  });

  it.each([
    [0, []],
    [1, ['tile/0/000.p/1', 'tile/entries/000.p/1']],
    [255, ['tile/0/000.p/255', 'tile/entries/000.p/255']],
    [256, ['tile/0/000', 'tile/1/000.p/1', 'tile/entries/000']],
    [257, ['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1', 'tile/entries/000', 'tile/entries/001.p/1']],
  ])('of %i leaves are %j', (size, paths) => {
    expect(pathsOf(size)).toEqual(paths);
  });

  it('end with the tree', () => {
    expect(tileIn(256, 0, 1)).toBeUndefined();
    expect(tileIn(255, 1, 0)).toBeUndefined();
    expect(tileIn(Number.MAX_SAFE_INTEGER, 6, 0)).toEqual({ level: 6, index: 0, width: 31 });
    expect(tileIn(Number.MAX_SAFE_INTEGER, 7, 0)).toBeUndefined();
  });
});

describe('a tile of hashes', () => {
  it('is the hashes, one after another', () => {
    const tile = encodeHashTile([hash32(1), hash32(2)]);
    expect(tile).toEqual(concatBytes(hash32(1), hash32(2)));
    expect(parseHashTile(tile, 2)).toEqual([hash32(1), hash32(2)]);
  });

  it.each([
    [63, 2],
    [65, 2],
    [64, 1],
    [0, 1],
  ])('is refused with %i bytes for %i hashes [guard: tile-length]', (length, width) => {
    expect(() => parseHashTile(new Uint8Array(length), width)).toThrow(MALFORMED);
  });

  it('is refused where it could not be a tile', () => {
    expect(() => parseHashTile(new Uint8Array(0), 0)).toThrow(MALFORMED);
    expect(() => parseHashTile(new Uint8Array(257 * 32), 257)).toThrow(MALFORMED);
    expect(() => encodeHashTile([])).toThrow(MALFORMED);
    expect(() => encodeHashTile([new Uint8Array(31)])).toThrow(MALFORMED);
  });
});

describe('a bundle of entries', () => {
  const entries = [utf8('one'), new Uint8Array(0), new Uint8Array(65_535).fill(7)];
  const bundle = encodeEntryBundle(entries);

  it('is each length and entry', () => {
    expect([...bundle.subarray(0, 9)]).toEqual([0, 3, ...utf8('one'), 0, 0, 0xff, 0xff]);
    expect(parseEntryBundle(bundle, 3)).toEqual(entries);
  });

  it('comes back whatever its entries are', () =>
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 1, maxLength: 256 }), (given) => {
        const own = given.map((one) => Uint8Array.from(one));
        expect(parseEntryBundle(encodeEntryBundle(own), own.length)).toEqual(own);
      }),
    ));

  it.each([
    ['ends early', bundle.slice(0, -1), 3],
    ['has an entry less [guard: bundle-width]', encodeEntryBundle(entries.slice(1)), 3],
    ['has an entry more [guard: bundle-end]', bundle, 2],
    ['has half a length after it', concatBytes(bundle, Uint8Array.of(0)), 3],
    ['is empty', new Uint8Array(0), 1],
    ['should have none', new Uint8Array(0), 0],
    ['should have 257', new Uint8Array(257 * 2), 257],
  ])('is refused if it %s', (_name, bytes, width) => {
    expect(() => parseEntryBundle(bytes, width)).toThrow(MALFORMED);
  });

  it('is not written without entries, nor with 257', () => {
    expect(() => encodeEntryBundle([])).toThrow(MALFORMED);
    expect(() => encodeEntryBundle(Array.from({ length: 257 }, () => entries[1] ?? new Uint8Array()))).toThrow(
      MALFORMED,
    );
  });

  it('is not written with an entry whose length has no place [guard: bundle-entry-length]', () => {
    const long = expect.objectContaining({ code: 'payload_too_large' });
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow(long);
  });

  it('is read as far as it is whole', () => {
    expect(firstEntries(bundle.slice(0, -1), 256)).toEqual({ entries: entries.slice(0, 2), end: 7 });
    expect(firstEntries(bundle, 1)).toEqual({ entries: entries.slice(0, 1), end: 5 });
    expect(firstEntries(bundle.slice(0, 6), 256)).toEqual({ entries: entries.slice(0, 1), end: 5 });
  });
});

function attempt<Value>(make: () => Value): Value | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
