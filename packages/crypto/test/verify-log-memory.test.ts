import type { Bytes } from '@bulla/crypto';
import { generateKeyPair, loadSigner, utf8 } from '@bulla/crypto';
import type { CheckpointTrust, ReadLogFile } from '@bulla/crypto/log';
import {
  encodeEntryBundle,
  encodeHashTile,
  leafHash,
  nodeHash,
  noteKeyOf,
  parseTilePath,
  signCheckpoint,
  verifyLog,
} from '@bulla/crypto/log';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { held, heldBefore } from './held-memory.js';

const MIB = 1_048_576;
const ORIGIN = 'urn:bulla:acme:svc:vault/audit/1';
/** 256 full bundles: 64 MiB of entries. */
const SIZE = 65_536;
const ENTRY = new Uint8Array(1024).fill(7);
const GROWTH_MAX_BYTES = 24 * MIB;

let read: ReadLogFile;
let trust: CheckpointTrust;

/** A log whose entries are all the same, so that all tiles of a level are: each is made when it is asked for. */
beforeAll(async () => {
  const roots = [await leafHash(ENTRY)];
  for (let level = 1; level <= 16; level++) {
    const [below = new Uint8Array()] = roots.slice(-1);
    roots.push(await nodeHash(below, below));
  }
  const rootOf = (level: number) => roots[level] ?? new Uint8Array();
  const pair = await generateKeyPair('ed25519', 'sig');
  const signer = { key: await noteKeyOf(ORIGIN, pair.publicJwk), signer: await loadSigner(pair.privateJwk, 'Ed25519') };
  const checkpoint = utf8(await signCheckpoint(ORIGIN, { size: SIZE, root: rootOf(16) }, [signer]));
  trust = { origin: ORIGIN, keys: [signer.key] };
  read = async (path) => {
    if (path === 'checkpoint') return checkpoint;
    const { level, width } = parseTilePath(path);
    const repeated = (bytes: Bytes) => Array.from({ length: width }, () => bytes);
    return level === 'entries' ? encodeEntryBundle(repeated(ENTRY)) : encodeHashTile(repeated(rootOf(level * 8)));
  };
});

/** Verifies all of it. @returns how many entries came, and the most that was held beyond the beginning */
async function verified(keep: (entry: Bytes) => void): Promise<{ count: number; growth: number }> {
  const before = heldBefore();
  let count = 0;
  let growth = 0;
  await verifyLog({
    read,
    trust,
    onEntry(_index, entry) {
      keep(entry);
      count++;
      if (count % 4096 !== 0) return;
      const seen = held() - before;
      growth = Math.max(growth, seen < GROWTH_MAX_BYTES ? seen : heldBefore() - before);
    },
  });
  return { count, growth };
}

describe('a log of 64 MiB, verified', () => {
  it('is never held all at once', async () => {
    const { count, growth } = await verified(() => undefined);
    expect(count).toBe(SIZE);
    expect(growth).toBeLessThan(GROWTH_MAX_BYTES);
  });

  it('would be noticed if it were', async () => {
    const all: Bytes[] = [];
    const { growth } = await verified((entry) => all.push(entry));
    expect(all).toHaveLength(SIZE);
    expect(growth).toBeGreaterThan(64 * MIB - GROWTH_MAX_BYTES);
  });
});
