import { beforeAll, describe, expect, it } from '@jest/globals';
import { makeTiledLog } from '../testing/tiled-log.js';
import { TestLog } from '../../test/test-log.js';
import { noteSigner } from '../../test/note-signer.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import { makeConsistencyProof, makeInclusionProof } from './merkle-proof.js';
import { leafHash } from './merkle.js';
import { leafHashes, readTile, subtreeRoot, treeHashesFrom } from './tile-hashes.js';

const SIZE = 600;
const entries = Array.from({ length: SIZE }, (_, index) => utf8(`entry ${index}`));
let log: TestLog;
let files: Map<string, Bytes>;

beforeAll(async () => {
  log = await TestLog.of(entries);
  ({ files } = await makeTiledLog(entries, await noteSigner('vault.example/log')));
});

const read = async (path: string) => files.get(path);

it('leaves are hashed together as one by one', async () => {
  const some = entries.slice(0, 5);
  expect(await leafHashes(some)).toEqual(concatBytes(...(await Promise.all(some.map(leafHash)))));
  expect(await leafHashes([])).toHaveLength(0);
});

it('a subtree has the root that its tree stored', async () => {
  const leaves = (count: number) => leafHashes(entries.slice(0, count));
  for (const level of [0, 1, 5, 8])
    expect(await subtreeRoot(await leaves(2 ** level))).toEqual(await log.read(level, 0));
});

describe('hashes from tiles', () => {
  it('are those of the tree, wherever they stand', async () => {
    const hashes = treeHashesFrom(read, SIZE);
    for (let level = 0; 2 ** level <= SIZE; level++)
      for (let index = 0; (index + 1) * 2 ** level <= SIZE; index += 7)
        expect(await hashes(level, index)).toEqual(await log.read(level, index));
  });

  it('make the proofs of every tree', async () => {
    for (const size of [1, 2, 255, 256, 257, 511, 512, 513, SIZE]) {
      const hashes = treeHashesFrom(read, SIZE);
      for (const index of [0, 1, 255, 256, size - 1].filter((at) => at < size))
        expect(await makeInclusionProof(index, size, hashes)).toEqual(await makeInclusionProof(index, size, log.read));
      for (const older of [1, 7, 200, 255, 256, 257, 512].filter((at) => at < size))
        expect(await makeConsistencyProof(older, size, hashes)).toEqual(
          await makeConsistencyProof(older, size, log.read),
        );
    }
  });

  it('read each tile once', async () => {
    const paths: string[] = [];
    const hashes = treeHashesFrom(async (path) => {
      paths.push(path);
      return files.get(path);
    }, SIZE);
    await makeInclusionProof(300, SIZE, hashes);
    expect(paths.toSorted()).toEqual([...new Set(paths)].toSorted());
  });

  it('are of the full tile where the log deleted the one that was not full', async () => {
    const older = treeHashesFrom(read, 300 - 60);
    expect(await older(3, 29)).toEqual(await log.read(3, 29));
  });

  it('are refused where a tile is missing [guard: tile-missing]', async () => {
    const hashes = treeHashesFrom(async () => undefined, SIZE);
    await expect(hashes(0, 0)).rejects.toMatchObject({ code: 'log_inconsistent', check: 'missing' });
  });

  it('are refused beyond the tree [guard: tile-of-tree]', async () => {
    await expect(treeHashesFrom(read, 256)(0, 256)).rejects.toMatchObject({
      code: 'log_inconsistent',
      check: 'missing',
    });
  });

  it('are refused from a tile that does not have its length', async () => {
    const hashes = treeHashesFrom(async () => new Uint8Array(31), SIZE);
    await expect(hashes(0, 0)).rejects.toMatchObject({ code: 'token_malformed' });
  });
});

describe('a tile', () => {
  const full = { level: 'entries', index: 0, width: 256 } as const;

  it('that is not full is read from the full one, as far as it goes', async () => {
    const bundle = await readTile(read, { ...full, width: 3 });
    expect(bundle).toEqual(files.get('tile/entries/000')?.slice(0, 3 * (2 + 'entry 0'.length)));
    expect(await readTile(read, { ...full, level: 0, width: 3 })).toHaveLength(3 * 32);
  });

  it('that is full is read from no other', async () => {
    expect(await readTile(read, { ...full, index: 9 })).toBeUndefined();
    expect(await readTile(read, { ...full, index: 9, width: 3 })).toBeUndefined();
  });

  it('is in memory of its own', async () => {
    const bytes = await readTile(async () => Buffer.from('abc'), full);
    expect(bytes?.buffer.byteLength).toBe(3);
    expect(Buffer.isBuffer(bytes)).toBe(false);
  });
});
