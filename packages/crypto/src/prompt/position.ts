import { encodeBase64url, sha256, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { PositionRef } from '../organisation/freshness.js';

/** A move of a label as the chain of its positions has it; the name, the label and `seq` are the chain's. */
export interface ChainTuple {
  /** URN of the prompt. */
  readonly sub: string;
  /** 0, with an empty `chash`, where the label is deleted. */
  readonly ver: number;
  readonly chash: string;
  /** `pos` of the position before; empty at a beginning. */
  readonly prev: string;
}

/** A position of a label, whole. */
export interface Position extends ChainTuple {
  readonly name: string;
  /** The label. */
  readonly tag: string;
  readonly seq: number;
}

/** `pos`: base64url of SHA-256 over the JSON array `[name, tag, seq, sub, ver, chash, prev]` (docs/spec/tag.md). */
export async function positionHash({ name, tag, seq, sub, ver, chash, prev }: Position): Promise<string> {
  return encodeBase64url(await sha256(utf8(JSON.stringify([name, tag, seq, sub, ver, chash, prev]))));
}

/**
 * Follows the chain of a label from a position that is known.
 * @param of the name and the label.
 * @param tuples the moves after `from`, in order; nobody signed them, what they lead to is signed.
 * @returns where each of them leads.
 * @throws {CryptoError} trust_rollback (tag-chain) if one does not continue the one before
 */
export async function followChain(
  of: Pick<Position, 'name' | 'tag'>,
  from: PositionRef,
  tuples: readonly ChainTuple[],
): Promise<PositionRef[]> {
  const path: PositionRef[] = [];
  let { seq, pos } = from;
  for (const tuple of tuples) {
    // guard: tag-chain
    if (tuple.prev !== pos)
      throw new CryptoError('trust_rollback', 'a move of the label does not continue the one before', {
        check: 'tag-chain',
      });
    seq += 1;
    pos = await positionHash({ ...of, ...tuple, seq });
    path.push({ seq, pos });
  }
  return path;
}

/**
 * Checks that a position is the one that is remembered or comes after it.
 * @param tuples the moves after `head` up to `next`, in order; those that follow are of no interest.
 * @throws {CryptoError} trust_rollback: tag-sequence for a lower number, tag-fork for another position of the same number,
 *   tag-chain where the moves do not lead from one to the other
 */
export async function requireDescendant(
  of: Pick<Position, 'name' | 'tag'>,
  head: PositionRef,
  next: PositionRef,
  tuples: readonly ChainTuple[],
): Promise<void> {
  // guard: tag-sequence
  if (next.seq < head.seq) throw rollback('tag-sequence', 'an older position of the label than was seen before');
  if (next.seq === head.seq) {
    // guard: tag-fork
    if (next.pos !== head.pos)
      throw rollback('tag-fork', 'another position of the label than was seen under this number');
    return;
  }
  const path = await followChain(of, head, tuples.slice(0, next.seq - head.seq));
  const last = path.at(-1);
  // guard: tag-descends
  if (last?.seq !== next.seq || last.pos !== next.pos)
    throw rollback('tag-chain', 'the position does not come after the one that was seen before');
}

function rollback(check: string, message: string): CryptoError {
  return new CryptoError('trust_rollback', message, { check });
}
