import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TestLog, treeHash } from '../../test/test-log.js';
import { encodeHex, sha256, utf8 } from '../encoding/bytes.js';
import type { Frontier } from './merkle.js';
import {
  appendLeaf,
  EMPTY_FRONTIER,
  encodeFrontier,
  leafHash,
  LOG_ENTRY_MAX_BYTES,
  nodeHash,
  parseFrontier,
  TREE_SIZE_MAX,
  treeHeadOf,
} from './merkle.js';

const hash32 = (byte: number) => new Uint8Array(32).fill(byte);

let log: TestLog;

beforeAll(async () => {
  log = await TestLog.counting(100);
});

describe('a tree', () => {
  it('without leaves has the SHA-256 of nothing for a root', async () => {
    const head = await treeHeadOf(EMPTY_FRONTIER);
    expect(head.size).toBe(0);
    expect(encodeHex(head.root)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('tells leaves from nodes by their first byte', async () => {
    const [left, right] = [hash32(1), hash32(2)];
    const joined = Uint8Array.of(...left, ...right);
    expect(await leafHash(joined)).toEqual(await sha256(Uint8Array.of(0, ...joined)));
    expect(await nodeHash(left, right)).toEqual(await sha256(Uint8Array.of(1, ...joined)));
  });

  it('takes the longest entry', async () => {
    await expect(leafHash(new Uint8Array(LOG_ENTRY_MAX_BYTES))).resolves.toHaveLength(32);
  });

  it('refuses an entry that is longer [guard: log-entry-length]', async () => {
    const longer = new Uint8Array(LOG_ENTRY_MAX_BYTES + 1);
    await expect(leafHash(longer)).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it('grows to the roots that RFC 6962 defines, leaf by leaf', async () => {
    const entries = Array.from({ length: 70 }, (_, index) => utf8(`entry ${index}`));
    for (let size = 0; size <= entries.length; size++)
      expect(log.head(size)).toEqual({ size, root: await treeHash(entries.slice(0, size)) });
  });

  it('names each perfect subtree when its last leaf comes', async () => {
    const entries = Array.from({ length: 8 }, (_, index) => utf8(`entry ${index}`));
    expect(await log.read(0, 7)).toEqual(await treeHash(entries.slice(7)));
    expect(await log.read(1, 3)).toEqual(await treeHash(entries.slice(6)));
    expect(await log.read(2, 1)).toEqual(await treeHash(entries.slice(4)));
    expect(await log.read(3, 0)).toEqual(await treeHash(entries));
  });

  it('leaves the frontier as it was that a leaf is appended to', async () => {
    const before = encodeHex(encodeFrontier(log.frontier));
    await appendLeaf(log.frontier, hash32(7));
    expect(log.frontier.size).toBe(100);
    expect(encodeHex(encodeFrontier(log.frontier))).toBe(before);
  });

  it('refuses a leaf hash that is not 32 bytes long [guard: log-leaf-length]', async () => {
    for (const length of [0, 31, 33])
      await expect(appendLeaf(EMPTY_FRONTIER, new Uint8Array(length))).rejects.toMatchObject({
        code: 'token_malformed',
      });
  });

  it('refuses a leaf when it is full [guard: log-full]', async () => {
    const full = { size: TREE_SIZE_MAX, peaks: Array.from({ length: 53 }, (_, at) => hash32(at)) };
    await expect(appendLeaf(full, hash32(1))).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it('counts beyond 32 bits', async () => {
    const size = 2 ** 52 + 2 ** 31 + 3;
    const frontier = parseFrontier(size, new Uint8Array(4 * 32));
    const { frontier: next, completed } = await appendLeaf(frontier, hash32(1));
    expect(next.size).toBe(size + 1);
    expect(next.peaks).toHaveLength(3);
    expect(completed).toHaveLength(3);
  });
});

describe('a stored frontier', () => {
  it('goes on as the tree that it was stored from', () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 200 }),
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 9 }),
        async (size, more) => {
          const stored = (await TestLog.counting(size)).frontier;
          let kept: Frontier = stored;
          let read: Frontier = parseFrontier(stored.size, encodeFrontier(stored));
          for (const entry of more) {
            const leaf = await leafHash(entry);
            kept = (await appendLeaf(kept, leaf)).frontier;
            read = (await appendLeaf(read, leaf)).frontier;
          }
          expect(await treeHeadOf(read)).toEqual(await treeHeadOf(kept));
        },
      ),
      { numRuns: 30 },
    ));

  it.each([
    ['with a hash too few [guard: log-frontier-length]', 7, 2 * 32],
    ['with a hash too many', 8, 2 * 32],
    ['with half a hash', 1, 16],
    ['of a size below zero', -1, 0],
    ['of half a leaf', 0.5, 0],
    ['of more leaves than can be counted', 2 ** 53, 32],
  ])('is refused %s', (_name, size, length) => {
    expect(() => parseFrontier(size, new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: 'token_malformed' }),
    );
  });

  it('is refused where its peaks do not fit its size', async () => {
    const broken = { size: 3, peaks: [] };
    await expect(appendLeaf(broken, hash32(1))).rejects.toMatchObject({ code: 'token_malformed' });
  });
});
