import { CryptoError, decodeBase64url, encodeBase64url, loadSigner, sha256, utf8 } from '@bulla/crypto';
import type { NoteKey, Tile } from '@bulla/crypto/log';
import {
  cosignCheckpoint,
  encodeEntryBundle,
  encodeHashTile,
  leafHash,
  parseEntryBundle,
  parseHashTile,
  parseNoteKey,
  parseTilePath,
  parseWitnessKey,
  tilePath,
  verifyCheckpoint,
  verifyLog,
} from '@bulla/crypto/log';
import { makeTiledLog } from '@bulla/crypto/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { noteSigner } from './note-signer.js';
import { readVectors } from './vectors.js';

interface Tiles {
  readonly origin: string;
  readonly key: string;
  readonly paths: readonly { level: string; index: number; width: number; path: string }[];
  readonly refused: readonly string[];
  /** Of the log of three entries, in base64url. */
  readonly files: Readonly<Record<string, string>>;
  readonly logs: readonly { size: number; checkpoint: string; sha256: Readonly<Record<string, string>> }[];
}
interface Cosignatures {
  readonly origin: string;
  readonly keys: readonly string[];
  readonly witnesses: readonly string[];
  readonly seed: string;
  readonly cases: readonly {
    name: string;
    result: string;
    note: string;
    cosignatures?: readonly { name: string; at: number }[];
  }[];
}

const tiles = readVectors('golden/tiles.json') as Tiles;
const golden = readVectors('golden/cosignature.json') as Cosignatures;
const entries = (size: number) => Array.from({ length: size }, (_, index) => utf8(`entry ${index}`));

describe('golden tiles', () => {
  it.each(tiles.paths)('have the path $path', ({ path, level, ...place }) => {
    const tile: Tile = { level: level === 'entries' ? level : Number(level), ...place };
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it.each(tiles.refused)('have not the path %j', (path) => {
    expect(() => parseTilePath(path)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('hold hashes and entries', async () => {
    const bytesOf = (path: string) => decodeBase64url(tiles.files[path] ?? '');
    expect(Object.keys(tiles.files)).toEqual(['tile/0/000.p/3', 'tile/entries/000.p/3']);
    const [hashes, bundle] = [bytesOf('tile/0/000.p/3'), bytesOf('tile/entries/000.p/3')];
    expect(parseEntryBundle(bundle, 3)).toEqual(entries(3));
    expect(parseHashTile(hashes, 3)).toEqual(await Promise.all(entries(3).map(leafHash)));
    expect(encodeEntryBundle(parseEntryBundle(bundle, 3))).toEqual(bundle);
    expect(encodeHashTile(parseHashTile(hashes, 3))).toEqual(hashes);
  });

  it.each(tiles.logs)('of $size entries are ours, and verify under their checkpoint', async (log) => {
    const { files } = await makeTiledLog(entries(log.size), await noteSigner(tiles.origin));
    files.delete('checkpoint');
    const hashes = new Map<string, string>();
    for (const [path, bytes] of files) hashes.set(path, encodeBase64url(await sha256(bytes)));
    expect(Object.fromEntries(hashes)).toEqual(log.sha256);

    files.set('checkpoint', utf8(log.checkpoint));
    const trust = { origin: tiles.origin, keys: [await parseNoteKey(tiles.key)] };
    const { checkpoint } = await verifyLog({ read: async (path) => files.get(path), trust });
    expect(checkpoint.size).toBe(log.size);
  });
});

describe('golden cosignatures', () => {
  let keys: NoteKey[];

  beforeAll(async () => {
    keys = await Promise.all(golden.keys.map(parseNoteKey));
  });

  async function outcome(note: string): Promise<object> {
    try {
      const witnesses = await Promise.all(golden.witnesses.map(parseWitnessKey));
      const { cosignatures } = await verifyCheckpoint(utf8(note), { origin: golden.origin, keys, witnesses });
      return { result: 'valid', cosignatures: cosignatures.map(({ witness: { name }, at }) => ({ name, at })) };
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      return { result: error.code };
    }
  }

  it.each(golden.cases)('$name: $result', async ({ name: _name, note, ...expected }) => {
    expect(await outcome(note)).toEqual(expected);
  });

  it('are made alike by us', async () => {
    const key = await parseWitnessKey(golden.witnesses[0] ?? '');
    if (key.jwk.kty !== 'OKP') throw new Error('note keys are Ed25519');
    const signer = await loadSigner({ ...key.jwk, d: golden.seed }, 'Ed25519');
    const [without, cosigned] = golden.cases;
    const [said] = cosigned?.cosignatures ?? [];
    expect(await cosignCheckpoint(utf8(without?.note ?? ''), said?.at ?? 0, { key, signer })).toBe(cosigned?.note);
  });
});
