import type { Bytes } from '@bulla/crypto';
import type { Checkpoint, NoteKey } from '@bulla/crypto/log';
import { CryptoError, decodeBase64url, encodeBase64url, utf8 } from '@bulla/crypto';
import {
  appendLeaf,
  EMPTY_FRONTIER,
  encodeFrontier,
  encodeLogProof,
  encodeNoteKey,
  leafHash,
  makeConsistencyProof,
  makeInclusionProof,
  noteKeyOf,
  parseFrontier,
  parseLogProof,
  parseNoteKey,
  signCheckpoint,
  treeHeadOf,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
  verifyLogProof,
} from '@bulla/crypto/log';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadSigner } from '../src/keys/signer.js';
import { TestLog } from './test-log.js';
import { readVectors } from './vectors.js';

interface Head {
  readonly size: number;
  readonly root: string;
}
interface Trees {
  readonly entries: readonly string[];
  readonly trees: readonly (Head & { frontier: string })[];
  readonly inclusion: readonly (Head & { index: number; leaf: string; proof: readonly string[] })[];
  readonly consistency: readonly { older: Head; newer: Head; proof: readonly string[] }[];
}
interface NoteCase {
  readonly name: string;
  readonly result: string;
  readonly check?: string;
  readonly note: string;
  /** Names of the keys that signed. */
  readonly keys?: readonly string[];
}
interface Notes {
  readonly origin: string;
  readonly keys: readonly [string, string];
  readonly seeds: readonly [string, string];
  readonly checkpoint: Head & { origin: string };
  readonly proof: { readonly entry: string; readonly index: number; readonly text: string };
  readonly cases: readonly NoteCase[];
}

const load = <File>(name: string) => readVectors(`golden/${name}.json`) as File;
const trees = load<Trees>('merkle');
const notes = load<Notes>('note');

const headOf = ({ size, root }: Head) => ({ size, root: decodeBase64url(root) });

describe('golden trees', () => {
  let log: TestLog;

  beforeAll(async () => {
    log = await TestLog.of(trees.entries.map(utf8));
  });

  it.each(trees.trees)('of $size leaves', async ({ size, root, frontier }) => {
    let grown = EMPTY_FRONTIER;
    for (const entry of trees.entries.slice(0, size))
      grown = (await appendLeaf(grown, await leafHash(utf8(entry)))).frontier;
    expect(encodeBase64url(encodeFrontier(grown))).toBe(frontier);
    const stored = parseFrontier(size, decodeBase64url(frontier));
    expect(await treeHeadOf(stored)).toEqual(headOf({ size, root }));
  });

  it.each(trees.inclusion)('hold leaf $index of $size', async ({ index, leaf, proof, ...head }) => {
    expect((await makeInclusionProof(index, head.size, log.read)).map(encodeBase64url)).toEqual(proof);
    const claim = { leaf: decodeBase64url(leaf), index, head: headOf(head), proof: proof.map(decodeBase64url) };
    await verifyInclusion(claim);
  });

  it.each(trees.consistency)('of $newer.size leaves begin with $older.size', async ({ older, newer, proof }) => {
    expect((await makeConsistencyProof(older.size, newer.size, log.read)).map(encodeBase64url)).toEqual(proof);
    await verifyConsistency({ older: headOf(older), newer: headOf(newer), proof: proof.map(decodeBase64url) });
  });
});

describe('golden notes', () => {
  let keys: NoteKey[];

  beforeAll(async () => {
    keys = await Promise.all(notes.keys.map(parseNoteKey));
  });

  async function outcome(note: Bytes): Promise<object> {
    try {
      const verified = await verifyCheckpoint(note, { origin: notes.origin, keys });
      return { result: 'valid', keys: verified.keys.map(({ name }) => name), checkpoint: shown(verified.checkpoint) };
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      return { result: error.code, ...(error.check !== undefined && { check: error.check }) };
    }
  }

  function shown({ origin, size, root }: Checkpoint): object {
    return { origin, size, root: encodeBase64url(root) };
  }

  it.each(notes.cases)('$name: $result', async ({ name: _name, note, ...expected }) => {
    const checkpoint = expected.result === 'valid' && { checkpoint: notes.checkpoint };
    expect(await outcome(utf8(note))).toEqual({ ...expected, ...checkpoint });
  });

  it('prove that an entry is in their log', async () => {
    const { entry, index, text } = notes.proof;
    const leaf = await leafHash(utf8(entry));
    const verified = await verifyLogProof(utf8(text), leaf, { origin: notes.origin, keys });
    expect([verified.index, shown(verified.checkpoint), verified.keys]).toEqual([index, notes.checkpoint, keys]);
    expect(encodeLogProof(parseLogProof(utf8(text)))).toBe(text);
  });

  it('are signed alike by us', async () => {
    const [key, seed] = [notes.keys[0], notes.seeds[0]];
    const jwk = (await parseNoteKey(key)).jwk;
    if (jwk.kty !== 'OKP') throw new Error('note keys are Ed25519');
    const signer = await loadSigner({ ...jwk, d: seed }, 'Ed25519');
    const noteKey = await noteKeyOf(notes.origin, jwk);
    expect(encodeNoteKey(noteKey)).toBe(key);
    const signed = await signCheckpoint(notes.origin, headOf(notes.checkpoint), [{ key: noteKey, signer }]);
    expect(signed).toBe(notes.cases[0]?.note);
  });
});
