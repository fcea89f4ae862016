import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import type { Bytes } from '../encoding/bytes.js';
import { decodeUtf8, utf8 } from '../encoding/bytes.js';
import type { CheckpointTrust, VerifiedCheckpoint } from './checkpoint.js';
import { verifyCheckpoint } from './checkpoint.js';
import { CryptoError } from '../names/errors.js';
import { isTreeSize, TREE_HASH_BYTES } from './merkle.js';
import { verifyInclusion } from './merkle-proof.js';
import { NOTE_MAX_BYTES } from './note.js';

/** Largest proof in bytes: a note, and what stands before it. */
export const LOG_PROOF_MAX_BYTES = NOTE_MAX_BYTES + 16_384;
/** A tree of 2^53 leaves is so many levels high. */
const HASHES_MAX = 53;
const FIRST_LINE = 'c2sp.org/tlog-proof@v1';

/** All that shows offline that a log holds an entry (C2SP tlog-proof). */
export interface LogProof {
  /** Of the entry in the log; counts from 0. */
  readonly index: number;
  /** From `makeInclusionProof`, in the tree of the checkpoint. */
  readonly proof: readonly Bytes[];
  /** The signed note as it is. */
  readonly checkpoint: string;
}

/** The text of a proof, to be kept beside what it is about. @throws {CryptoError} token_malformed */
export function encodeLogProof({ index, proof, checkpoint }: LogProof): string {
  if (!isTreeSize(index) || proof.length > HASHES_MAX || proof.some(({ length }) => length !== TREE_HASH_BYTES))
    throw malformed('not a place in a log, or no proof of one');
  return [FIRST_LINE, `index ${index}`, ...proof.map(encodeBase64), '', checkpoint].join('\n');
}

/**
 * Reads a proof without believing it (C2SP tlog-proof, Format). What another log says in a line `extra` is vouched for by
 * nobody and left out.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseLogProof(bytes: Uint8Array): LogProof {
  // guard: log-proof-size
  if (bytes.length > LOG_PROOF_MAX_BYTES) {
    throw new CryptoError('payload_too_large', `a proof has at most ${LOG_PROOF_MAX_BYTES} bytes`);
  }
  const text = decodeUtf8(bytes);
  const end = text.indexOf('\n\n');
  const [first, ...lines] = text.slice(0, Math.max(end, 0)).split('\n');
  // guard: log-proof-kind
  if (first !== FIRST_LINE) throw malformed('not a proof of a log');
  if (lines[0]?.startsWith('extra ') === true) decodeBase64(lines.shift()?.slice('extra '.length) ?? '');
  const [, digits = ''] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '') ?? [];
  const index = digits === '' ? Number.NaN : Number(digits);
  if (!isTreeSize(index)) throw malformed('the index of a proof is not a number that can be counted to');
  if (lines.length > HASHES_MAX) throw malformed('a proof has more hashes than a tree has levels');
  const proof = lines.map(decodeBase64);
  if (proof.some(({ length }) => length !== TREE_HASH_BYTES)) throw malformed('a hash is not 32 bytes long');
  return { index, proof, checkpoint: text.slice(end + 2) };
}

export interface VerifiedLogProof extends VerifiedCheckpoint {
  readonly index: number;
}

/**
 * Verifies that a log holds an entry: the log signed a tree, and the tree has this leaf.
 * @param leaf hash of the entry that is at hand, from `leafHash`.
 * @throws {CryptoError} as parseLogProof, verifyCheckpoint and verifyInclusion
 */
export async function verifyLogProof(
  bytes: Uint8Array,
  leaf: Bytes,
  trust: CheckpointTrust,
): Promise<VerifiedLogProof> {
  const { index, proof, checkpoint } = parseLogProof(bytes);
  const verified = await verifyCheckpoint(utf8(checkpoint), trust);
  // guard: log-proof-inclusion
  await verifyInclusion({ leaf, index, head: verified.checkpoint, proof });
  return { ...verified, index };
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
