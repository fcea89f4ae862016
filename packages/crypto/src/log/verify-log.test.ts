import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TiledLog } from '../testing/tiled-log.js';
import { makeTiledLog } from '../testing/tiled-log.js';
import { flipBit } from '../../test/test-log.js';
import { noteSigner, witnessSigner } from '../../test/note-signer.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import { cosignCheckpoint, signCheckpoint } from './checkpoint.js';
import type { NoteSigner } from './note.js';
import type { TreeHead } from './merkle.js';
import { encodeEntryBundle, parseEntryBundle, parseTilePath } from './tiles.js';
import { verifyLog } from './verify-log.js';

const ORIGIN = 'urn:bulla:acme:svc:vault/audit/1';
const SIZE = 70_000;
const ALL = Array.from({ length: SIZE }, (_, index) => utf8(`entry ${index}`));
type Change = (files: Map<string, Bytes>) => void;
interface Outcome {
  readonly check?: string | undefined;
  readonly entries?: unknown;
  readonly seen: number;
}

let signer: NoteSigner;
/** Of one entry, of a full bundle and one more, and of so many that there are three levels of tiles. */
let logs: Map<number, TiledLog>;

beforeAll(async () => {
  signer = await noteSigner(ORIGIN);
  logs = new Map();
  for (const size of [0, 1, 255, 256, 257, 600, SIZE]) logs.set(size, await makeTiledLog(ALL.slice(0, size), signer));
});

function logOf(size: number): TiledLog {
  const log = logs.get(size);
  if (log === undefined) throw new Error('there is no log of this size');
  return log;
}

async function verified(
  size: number,
  change: Change = () => undefined,
  kept: readonly TreeHead[] = [],
): Promise<Outcome> {
  const files = new Map(logOf(size).files);
  change(files);
  return outcomeOf(async (path) => files.get(path), kept);
}

/** How it ended, and how many entries came before; an entry that is not the one that stands there is `other`. */
async function outcomeOf(
  read: (path: string) => Promise<Uint8Array | undefined>,
  kept: readonly TreeHead[] = [],
): Promise<Outcome> {
  let seen = 0;
  let other = 0;
  const onEntry = (index: number, entry: Bytes) => {
    if (index !== seen || !Buffer.from(entry).equals(ALL[index] ?? Buffer.alloc(0))) other++;
    seen++;
  };
  const counted = () => ({ seen, ...(other > 0 && { other }) });
  try {
    await verifyLog({ read, trust: { origin: ORIGIN, keys: [signer.key] }, kept, onEntry });
    return counted();
  } catch (error) {
    const { code, check, entries } = error as { code?: string; check?: string; entries?: unknown };
    if (code === undefined) throw error;
    return { check: check ?? code, ...(entries !== undefined && { entries }), ...counted() };
  }
}

const changing = (path: string, change: (bytes: Bytes) => Bytes): Change => {
  return (files) => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`${path} is not there`);
    files.set(path, change(bytes));
  };
};
const flipping = (path: string, byte = 0): Change => changing(path, (bytes) => flipBit(bytes, byte * 8));
const removing = (path: string): Change => {
  return (files) => {
    if (!files.delete(path)) throw new Error(`${path} is not there`);
  };
};
const entriesIn = (path: string, width: number, change: (entries: Bytes[]) => Bytes[]): Change =>
  changing(path, (bytes) => encodeEntryBundle(change(parseEntryBundle(bytes, width))));
const one = (index: number) => ({ first: index, last: index });
const LAST = 'tile/entries/001.p/1';

describe('a log is verified', () => {
  it.each([0, 1, 255, 256, 257, 600, SIZE])('with all its %i entries', async (size) => {
    const kept = [...logs.values()].map(({ head }) => head).filter((head) => head.size <= size);
    expect(await verified(size, undefined, kept)).toEqual({ seen: size });
  });

  it('with what its checkpoint says, and who cosigned it', async () => {
    const { files, head } = logOf(257);
    const witness = await witnessSigner('witness.example/w1');
    const note = utf8(await cosignCheckpoint(files.get('checkpoint') ?? new Uint8Array(), 1_795_608_000, witness));
    const found = await verifyLog({
      read: async (path) => (path === 'checkpoint' ? note : files.get(path)),
      trust: { origin: ORIGIN, keys: [signer.key], witnesses: [witness.key] },
    });
    expect(found.checkpoint).toEqual({ origin: ORIGIN, ...head, extensions: [] });
    expect(found.cosignatures).toEqual([{ witness: witness.key, at: 1_795_608_000 }]);
  });

  it('at an older size, from a folder that has grown since', async () => {
    const files = new Map(logOf(600).files);
    const older = logOf(257);
    files.set('checkpoint', older.files.get('checkpoint') ?? new Uint8Array());
    files.delete(LAST);
    // Of level 1 there is no full tile yet: a log keeps those that are not full.
    files.set('tile/1/000.p/1', older.files.get('tile/1/000.p/1') ?? new Uint8Array());
    files.set('tile/0/001', logOf(SIZE).files.get('tile/0/001') ?? new Uint8Array());
    expect(await outcomeOf(async (path) => files.get(path))).toEqual({ seen: 257 });
  });

  it('one entry after another, whatever is done with each', async () => {
    const { files } = logOf(255);
    let busy = false;
    let seen = 0;
    await verifyLog({
      read: async (path) => files.get(path),
      trust: { origin: ORIGIN, keys: [signer.key] },
      async onEntry() {
        expect(busy).toBe(false);
        busy = true;
        await Promise.resolve();
        busy = false;
        seen++;
      },
    });
    expect(seen).toBe(255);
  });
});

describe('an entry is named', () => {
  it.each([0, 255, 256, 65_535, 65_536, 69_888, 69_999])('that was changed: %i [guard: log-entry]', async (index) => {
    const bundle = Math.floor(index / 256);
    const width = bundle === 273 ? 112 : 256;
    const path = `tile/entries/${String(bundle).padStart(3, '0')}${width < 256 ? '.p/112' : ''}`;
    const change = entriesIn(path, width, (all) => all.with(index % 256, utf8('forged')));
    expect(await verified(SIZE, change)).toEqual({ check: 'entry', entries: one(index), seen: index });
  });

  it('that was deleted, and what follows moved up', async () => {
    const change = entriesIn('tile/entries/000', 256, (all) => all.toSpliced(7, 1));
    expect(await verified(600, change)).toEqual({ check: 'entry', entries: one(7), seen: 7 });
  });

  it('that was deleted at the end of a bundle [guard: log-entry-missing]', async () => {
    const change = entriesIn('tile/entries/000', 256, (all) => all.slice(0, 255));
    expect(await verified(600, change)).toEqual({ check: 'entry', entries: one(255), seen: 255 });
  });

  it('that was put in', async () => {
    const change = entriesIn('tile/entries/000', 256, (all) => all.slice(0, 255).toSpliced(3, 0, utf8('forged')));
    expect(await verified(600, change)).toEqual({ check: 'entry', entries: one(3), seen: 3 });
  });

  it('where two were exchanged: the first of them', async () => {
    const exchange = ([a, b, ...rest]: Bytes[]) => [b, a, ...rest].filter((entry) => entry !== undefined);
    const change = entriesIn('tile/entries/001', 256, exchange);
    expect(await verified(600, change)).toEqual({ check: 'entry', entries: one(256), seen: 256 });
  });

  it('whose length was changed', async () => {
    expect(await verified(600, flipping('tile/entries/000', 0))).toEqual({ check: 'entry', entries: one(0), seen: 0 });
    expect(await verified(257, flipping(LAST, 1))).toEqual({ check: 'entry', entries: one(256), seen: 256 });
  });

  it('or the bundle, where something follows its last entry [guard: log-entry-more]', async () => {
    const change = changing('tile/entries/001', (bytes) => concatBytes(bytes, Uint8Array.of(0)));
    expect(await verified(600, change)).toEqual({ check: 'entry', entries: { first: 256, last: 511 }, seen: 512 });
  });

  it('that is the first of several which are not right', async () => {
    const change: Change = (files) => {
      entriesIn('tile/entries/000', 256, (all) => all.with(9, utf8('forged')))(files);
      flipping('tile/0/001')(files);
      flipping('tile/1/001.p/17')(files);
      removing('tile/0/273.p/112')(files);
    };
    expect(await verified(SIZE, change)).toMatchObject({ check: 'entry', entries: one(9) });
  });
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
    expect(await verified(SIZE, flipping(path))).toEqual({ check: 'tile', entries, seen });
  });

  it('above it, at another hash', async () => {
    const entries = { first: 256 * 5, last: 256 * 6 - 1 };
    expect(await verified(SIZE, flipping('tile/1/000', 5 * 32))).toEqual({ check: 'tile', entries, seen: 0 });
  });

  it.each([
    ['tile/0/003', { first: 768, last: 1023 }, 768],
    ['tile/0/273.p/112', { first: 69_888, last: 69_999 }, 0],
    ['tile/1/001.p/17', { first: 65_536, last: 69_887 }, 0],
  ])('that has not its length: %s [guard: log-tile-length]', async (path, entries, seen) => {
    const shorter = changing(path, (bytes) => bytes.slice(1));
    expect(await verified(SIZE, shorter)).toEqual({ check: 'tile', entries, seen });
  });

  it.each([
    ['tile/0/000', { first: 0, last: 255 }, 0],
    ['tile/0/273.p/112', { first: 69_888, last: 69_999 }, 0],
    ['tile/1/000', { first: 0, last: 65_535 }, 0],
    ['tile/2/000.p/1', { first: 0, last: 65_535 }, 0],
  ])('that is missing: %s [guard: log-tile-missing]', async (path, entries, seen) => {
    expect(await verified(SIZE, removing(path))).toEqual({ check: 'missing', entries, seen });
  });

  it.each([
    ['tile/entries/000', { first: 0, last: 255 }, 0],
    ['tile/entries/273.p/112', { first: 69_888, last: 69_999 }, 69_888],
  ])('whose entries are missing: %s [guard: log-bundle-missing]', async (path, entries, seen) => {
    expect(await verified(SIZE, removing(path))).toEqual({ check: 'missing', entries, seen });
  });
});

describe('a log is refused', () => {
  it('after any bit of a tile or bundle was flipped, and the entry lies in what is named', () =>
    fc.assert(
      fc.asyncProperty(fc.boolean(), fc.nat(), fc.nat(), async (hasKept, at, bit) => {
        const paths = [...logOf(600).files.keys()].filter((path) => path !== 'checkpoint');
        const path = paths[at % paths.length] ?? '';
        const length = (logOf(600).files.get(path)?.length ?? 0) * 8;
        const change = changing(path, (bytes) => flipBit(bytes, bit % length));
        const { check, entries, ...rest } = await verified(600, change, hasKept ? [logOf(257).head] : []);
        const { first, last } = entries as { first: number; last: number };
        const place = parseTilePath(path);
        expect(rest).toEqual({ seen: path.startsWith('tile/entries/') ? first : rest.seen });
        expect(check).toBe(place.level === 'entries' ? 'entry' : 'tile');
        const start = place.level === 1 ? 0 : place.index * 256;
        expect(first).toBeGreaterThanOrEqual(start);
        expect(last).toBeLessThan(place.level === 1 ? 512 : start + place.width);
        if (place.level === 'entries') expect(first).toBe(last);
      }),
      { numRuns: 200 },
    ));

  it('without a checkpoint [guard: log-checkpoint-missing]', async () => {
    expect(await verified(257, removing('checkpoint'))).toEqual({ check: 'missing', seen: 0 });
  });

  it('under the checkpoint of another tree, and no entry of it is shown [guard: log-root]', async () => {
    const other = await signCheckpoint(ORIGIN, { size: 257, root: new Uint8Array(32) }, [signer]);
    const change: Change = (files) => files.set('checkpoint', utf8(other));
    expect(await verified(257, change)).toEqual({ check: 'root', seen: 0 });
  });

  it('that was written anew under the old checkpoint', async () => {
    const forged = await makeTiledLog(ALL.slice(0, 257).with(100, utf8('forged')), signer);
    const change: Change = (files) => {
      for (const [path, bytes] of forged.files) if (path !== 'checkpoint') files.set(path, bytes);
    };
    expect(await verified(257, change)).toEqual({ check: 'root', seen: 0 });
  });

  it('whose end was cut off', async () => {
    const change: Change = (files) => {
      for (const path of files.keys()) if (path !== 'checkpoint' && !logOf(256).files.has(path)) files.delete(path);
    };
    expect(await verified(257, change)).toEqual({ check: 'missing', entries: one(256), seen: 0 });
  });

  it('that was larger before [guard: log-rollback]', async () => {
    expect(await verified(256, undefined, [logOf(257).head])).toEqual({ check: 'rollback', seen: 0 });
  });

  it('that shows another tree of the same size [guard: log-fork]', async () => {
    const fork = await makeTiledLog(ALL.slice(0, 257).with(256, utf8('forged')), signer);
    expect(await verified(257, undefined, [fork.head])).toEqual({ check: 'fork', seen: 0 });
    // No tile can explain two signed roots.
    expect(await verified(257, flipping('tile/0/000'), [fork.head])).toEqual({ check: 'fork', seen: 0 });
  });

  it('that does not begin with what it had [guard: log-prefix]', async () => {
    for (const size of [1, 256, 300]) {
      const fork = await makeTiledLog(ALL.slice(0, size).with(0, utf8('forged')), signer);
      expect(await verified(600, undefined, [logOf(255).head, fork.head])).toEqual({ check: 'fork', seen: 0 });
    }
    const notEmpty = { size: 0, root: new Uint8Array(32) };
    expect(await verified(600, undefined, [notEmpty])).toEqual({ check: 'fork', seen: 0 });
  });

  it('for the tile that was changed, where that would look like a fork', async () => {
    const outcome = await verified(600, flipping('tile/0/000'), [logOf(255).head]);
    expect(outcome).toEqual({ check: 'tile', entries: { first: 0, last: 255 }, seen: 0 });
  });

  it('that shows the edge once and another one afterwards', async () => {
    const { files } = logOf(600);
    const shown = new Set<string>();
    const read = async (path: string) => {
      const bytes = files.get(path);
      const again = shown.has(path);
      shown.add(path);
      return again && bytes !== undefined ? flipBit(bytes, 0) : bytes;
    };
    // Of the edge nothing is read twice but for the older head, whose proof then does not hold.
    expect(await outcomeOf(read)).toEqual({ seen: 600 });
    shown.clear();
    expect(await outcomeOf(read, [logOf(257).head])).toMatchObject({ seen: 0 });
  });

  it('with what its reader says, where that fails', async () => {
    const { files } = logOf(600);
    const read = async (path: string) => {
      if (path === 'tile/entries/001') throw new Error('the network is down');
      return files.get(path);
    };
    await expect(outcomeOf(read)).rejects.toThrow('the network is down');
    await expect(outcomeOf(() => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  });
});
