import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bytes } from '@bulla/crypto';
import { concatBytes, generateKeyPair, loadSigner, utf8 } from '@bulla/crypto';
import type { NoteSigner } from '@bulla/crypto/log';
import {
  cosignCheckpoint,
  encodeEntryBundle,
  encodeNoteKey,
  leafHash,
  noteKeyOf,
  parseEntryBundle,
  parseTilePath,
  signCheckpoint,
  tileIn,
  tilePath,
  verifyCheckpoint,
  verifyLog,
  witnessKeyOf,
} from '@bulla/crypto/log';
import type { TiledLog } from '@bulla/crypto/testing';
import { makeTiledLog } from '@bulla/crypto/testing';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildGo, file, hasGo, hasPython, PYTHON } from './log-verifiers.js';

const ORIGIN = 'urn:bulla:acme:svc:vault/audit/1';
const SIZES = [1, 255, 256, 257, 70_000];
const entryOf = (index: number) => utf8(`{"index":${index},"action":"prompt.push"}`);

let work: string;
/** The verifier in Go, which is compiled while others verify. */
let goProgram: Promise<string> | undefined;
let signer: NoteSigner;
let logs: ReadonlyMap<number, TiledLog>;

/** How a verifier ended: the text `ok N entries`, or what it refused. Below `pruned` entries may be gone. */
type Verifier = (folder: string, older: readonly string[], pruned?: number) => Promise<string>;

function programOf(command: string, args: readonly string[]): Verifier {
  return async (folder, older, pruned = 0) => {
    const kept = older.flatMap((path) => ['--older', path]);
    const rest = ['--key', encodeNoteKey(signer.key), ...kept, '--pruned', String(pruned), folder];
    const { status, stdout, stderr } = spawnSync(command, [...args, ...rest], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(stdout.startsWith('ok ') ? 0 : 1);
    return stdout.trimEnd();
  };
}

const ours: Verifier = async (folder, older, pruned = 0) => {
  const trust = { origin: ORIGIN, keys: [signer.key] };
  const kept = await Promise.all(
    older.map(async (path) => (await verifyCheckpoint(await readFile(path), trust)).checkpoint),
  );
  const read = (path: string) => readFile(join(folder, path)).catch(absent);
  let count = 0;
  try {
    let gone = -1;
    const onAbsent = ({ first, last }: { first: number; last: number }) => {
      count += last - first + 1;
      gone = last;
    };
    await verifyLog({ read, trust, kept, onEntry: () => void count++, onAbsent });
    if (gone >= pruned) return `refused: missing up to ${gone}`;
    return `ok ${count} entries`;
  } catch (error) {
    const { check, entries } = error as { check?: string; entries?: { first: number; last: number } };
    if (check === undefined) throw error;
    if (entries === undefined) return `refused: ${check}`;
    const { first, last } = entries;
    return first === last ? `refused: ${check} ${first}` : `refused: ${check} ${first} to ${last}`;
  }
};

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

beforeAll(async () => {
  work = folderForTest('audit-log');
  if (hasGo) goProgram = buildGo(work);
  // Whoever wants it meets the failure.
  goProgram?.catch(() => {});
  const pair = await generateKeyPair('ed25519', 'sig');
  signer = { key: await noteKeyOf(ORIGIN, pair.publicJwk), signer: await loadSigner(pair.privateJwk, 'Ed25519') };
  const all = Array.from({ length: 70_000 }, (_, index) => entryOf(index));
  const made = await Promise.all(SIZES.map(async (size) => makeTiledLog(all.slice(0, size), signer)));
  logs = new Map(made.map((log) => [log.head.size, log]));
});

afterAll(async () => {
  await goProgram?.catch(() => {});
  rmSync(work, { recursive: true, force: true });
});

function logOf(size: number): TiledLog {
  const log = logs.get(size);
  if (log === undefined) throw new Error('there is no log of this size');
  return log;
}

let folders = 0;
/** By its log: of one that was not changed, all verifiers read the same. */
const written = new WeakMap<ReadonlyMap<string, Bytes>, string>();
function folderOf(files: ReadonlyMap<string, Bytes>): string {
  const before = written.get(files);
  if (before !== undefined) return before;
  const folder = join(work, `log-${folders++}`);
  written.set(files, folder);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}

/** A checkpoint that somebody kept, as a file. */
function keep(checkpoint: Bytes | undefined): string {
  const path = join(work, `kept-${folders++}`);
  writeFileSync(path, checkpoint ?? new Uint8Array());
  return path;
}
const checkpointOf = ({ files }: TiledLog) => files.get('checkpoint');

/** A log with the entries of one bundle changed. */
function tampered(size: number, index: number, change: (entries: Bytes[]) => Bytes[]): string {
  const bundle = tileIn(size, 'entries', Math.floor(index / 256));
  const files = new Map(logOf(size).files);
  const path = bundle && tilePath(bundle);
  const bytes = files.get(path ?? '');
  if (bundle === undefined || path === undefined || bytes === undefined) throw new Error('there is no such entry');
  const changed = change(parseEntryBundle(bytes, bundle.width));
  if (changed.length === 0) files.delete(path);
  else files.set(path, encodeEntryBundle(changed));
  return folderOf(files);
}

const peers: [string, Verifier, boolean][] = [
  ['@bulla/crypto', ours, true],
  ['Python', programOf(PYTHON, [file('peers/audit_verify.py')]), hasPython],
  ["Go's sumdb", async (...given) => programOf((await goProgram) ?? '', [])(...given), hasGo],
];

for (const [name, verify, isHere] of peers) {
  const onPeer = isHere ? describe : describe.skip;

  onPeer(`a log in a folder, by ${name}`, () => {
    it.each(SIZES)('is good with %i entries, and goes on from every smaller one', async (size) => {
      const older = SIZES.filter((one) => one <= size).map((one) => keep(checkpointOf(logOf(one))));
      expect(await verify(folderOf(logOf(size).files), older)).toBe(`ok ${size} entries`);
    });

    it.each([
      [1, 0],
      [255, 254],
      [256, 17],
      [257, 256],
      [70_000, 65_700],
    ])('is refused where one of %i entries was edited, and that is named: %i', async (size, index) => {
      const folder = tampered(size, index, (entries) => entries.with(index % 256, utf8('{"action":"prompt.read"}')));
      expect(await verify(folder, [])).toMatch(new RegExp(`^refused: entry ${index}\\b`));
    });

    it.each([
      [255, 3],
      [256, 255],
      [70_000, 512],
    ])('is refused where one of %i was deleted: %i', async (size, index) => {
      const folder = tampered(size, index, (entries) => entries.toSpliced(index % 256, 1));
      expect(await verify(folder, [])).toMatch(new RegExp(`^refused: entry ${index}\\b`));
    });

    it.each([
      [255, 3],
      [70_000, 69_990],
    ])('is refused where two of %i changed places: the first is %i', async (size, index) => {
      const at = index % 256;
      const folder = tampered(size, index, (entries) =>
        entries.with(at, entryOf(index + 1)).with(at + 1, entryOf(index)),
      );
      expect(await verify(folder, [])).toMatch(new RegExp(`^refused: entry ${index}\\b`));
    });

    it('is good where a witness that nobody asked for cosigned it', async () => {
      const files = new Map(logOf(257).files);
      const pair = await generateKeyPair('ed25519', 'sig');
      const key = await witnessKeyOf('witness.example/w1', pair.publicJwk);
      const witness = { key, signer: await loadSigner(pair.privateJwk, 'Ed25519') };
      const note = await cosignCheckpoint(checkpointOf(logOf(257)) ?? new Uint8Array(), 1_795_608_000, witness);
      files.set('checkpoint', utf8(note));
      expect(await verify(folderOf(files), [])).toBe('ok 257 entries');
    });

    it.each([
      [255, 254],
      [256, 255],
      [257, 256],
    ])('is refused where something follows the last entry: of %i, %i', async (size, index) => {
      const files = new Map(logOf(size).files);
      const path = [...files.keys()].filter((one) => one.startsWith('tile/entries/')).at(-1) ?? '';
      files.set(path, concatBytes(files.get(path) ?? new Uint8Array(), Uint8Array.of(0, 1, 7)));
      expect(await verify(folderOf(files), [])).toMatch(new RegExp(`^refused: entry (?:0 to )?${index}\\b`));
    });

    it.each([
      [257, 'tile/0/000', '0 to 255'],
      [257, 'tile/0/001.p/1', '256'],
      [257, 'tile/1/000.p/1', '0 to 255'],
      [70_000, 'tile/0/100', '25600 to 25855'],
    ])('of %i is refused where a hash was changed: %s', async (size, path, entries) => {
      const files = new Map(logOf(size).files);
      const bytes = Uint8Array.from(files.get(path) ?? new Uint8Array());
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      files.set(path, bytes);
      // tlog knows that a tile of the edge is wrong, but not which one.
      const isNamed = name !== "Go's sumdb" || !path.includes('.p/');
      expect(await verify(folderOf(files), [])).toMatch(
        isNamed ? new RegExp(`^refused: tile.* ${entries}\\b`) : /^refused: /,
      );
    });

    it.each([
      [257, 17],
      [70_000, 25_600],
      [70_000, 69_888],
    ])('of %i is refused where entry %i was edited and its tile with it', async (size, index) => {
      const folder = tampered(size, index, (entries) => entries.with(index % 256, utf8('forged')));
      const tile = tileIn(size, 0, Math.floor(index / 256));
      const path = tile === undefined ? '' : tilePath(tile);
      const bytes = Uint8Array.from(logOf(size).files.get(path) ?? new Uint8Array());
      bytes.set(await leafHash(utf8('forged')), (index % 256) * 32);
      writeFileSync(join(folder, path), bytes);
      expect(await verify(folder, [])).toMatch(/^refused: (?:tile|root)/);
    });

    it('is good where entries are gone that were kept long enough, and refused where others are', async () => {
      const { files } = logOf(70_000);
      const older = [keep(checkpointOf(logOf(255))), keep(checkpointOf(logOf(257)))];
      const without = (bundles: number) =>
        folderOf(
          new Map([...files].filter(([path]) => !/entries\/(\d+)$/.test(path) || Number(path.slice(-3)) >= bundles)),
        );
      const two = without(2);
      expect(await verify(two, older, 512)).toBe('ok 70000 entries');
      expect(await verify(two, older, 511)).toMatch(/^refused: /);
      expect(await verify(two, older)).toMatch(/^refused: /);
      expect(await verify(folderOf(files), older, 512)).toBe('ok 70000 entries');
      writeFileSync(join(two, 'tile/0/001'), new Uint8Array(8_192));
      expect(await verify(two, older, 512)).toMatch(/^refused: /);
    });

    it('is refused where its end was cut off, and the checkpoint kept', async () => {
      const files = new Map(logOf(257).files);
      for (const path of files.keys()) if (path !== 'checkpoint' && parseTilePath(path).index === 1) files.delete(path);
      // tlog reads the edge of the tree before any entry: it names the tile.
      expect(await verify(folderOf(files), [])).toMatch(/^refused: .*\b(?:256|001[.]p\/1)\b/);
    });

    it('is refused where its end was cut off, and the checkpoint is that of before', async () => {
      const newer = keep(checkpointOf(logOf(257)));
      const folder = folderOf(logOf(256).files);
      expect(await verify(folder, [])).toBe('ok 256 entries');
      expect(await verify(folder, [newer])).toMatch(/^refused: rollback/);
    });

    it('is refused where the checkpoint alone is an older one', async () => {
      const files = new Map(logOf(70_000).files);
      for (const [path, bytes] of logOf(257).files) files.set(path, bytes);
      const newer = keep(checkpointOf(logOf(70_000)));
      expect(await verify(folderOf(files), [])).toBe('ok 257 entries');
      expect(await verify(folderOf(files), [newer])).toMatch(/^refused: rollback/);
    });

    it('is refused where two clients were shown two trees of one size', async () => {
      const entries = Array.from({ length: 257 }, (_, index) => entryOf(index === 200 ? 0 : index));
      const fork = await makeTiledLog(entries, signer);
      expect(await verify(folderOf(fork.files), [])).toBe('ok 257 entries');
      expect(await verify(folderOf(fork.files), [keep(checkpointOf(logOf(257)))])).toMatch(/^refused: fork/);
      expect(await verify(folderOf(logOf(257).files), [keep(checkpointOf(fork))])).toMatch(/^refused: fork/);
    });

    it('is refused where it went on from another tree than the one that was kept', async () => {
      const fork = await makeTiledLog(
        Array.from({ length: 256 }, (_, index) => entryOf(index + 1)),
        signer,
      );
      const folder = folderOf(logOf(70_000).files);
      expect(await verify(folder, [keep(checkpointOf(logOf(256)))])).toBe('ok 70000 entries');
      expect(await verify(folder, [keep(checkpointOf(fork))])).toMatch(/^refused: fork/);
    });

    it('is refused under a checkpoint that its tiles do not lead to', async () => {
      const files = new Map(logOf(257).files);
      const other = await signCheckpoint(ORIGIN, { size: 257, root: new Uint8Array(32) }, [signer]);
      files.set('checkpoint', utf8(other));
      expect(await verify(folderOf(files), [])).toMatch(/^refused: /);
    });
  });
}
