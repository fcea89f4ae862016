import { equalBytes } from '../src/encoding/bytes.js';
import { CryptoError } from '../src/names/errors.js';
import { readVectors } from './vectors.js';

/** One case of a Wycheproof file (github.com/C2SP/wycheproof, `testvectors_v1`). */
export interface VectorCase {
  readonly tcId: number;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

/** A case with the group that holds its key. */
export interface Vector<Group = unknown, Case extends VectorCase = VectorCase> {
  readonly group: Group;
  readonly test: Case;
}

interface VectorFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly { readonly tests: readonly VectorCase[] }[];
}

/** Bulla's own allow-list, or our strict reading in front of whatever jose and WebCrypto do under the key's own algorithm. */
export type Level = 'bulla' | 'platform';

export interface Outcome {
  readonly cases: number;
  readonly accepted: readonly number[];
  /** Valid cases that were refused: each must be a reviewed exception. */
  readonly validRefused: readonly number[];
  /** Invalid cases that were accepted: likewise. */
  readonly invalidAccepted: readonly number[];
}

interface ExceptionEntry {
  readonly file: string;
  readonly level: Level;
  readonly kind: 'valid-refused' | 'invalid-accepted';
  readonly reason: string;
  readonly tcIds: readonly number[];
}

/** The reviewed exceptions, each with its reason. */
export const exceptions = readVectors('wycheproof/exceptions.json') as readonly ExceptionEntry[];

/** The tcIds that exceptions.json lists for a file, in ascending order. */
export function excepted(file: string, level: Level, kind: ExceptionEntry['kind']): number[] {
  return exceptions
    .filter((entry) => entry.file === file && entry.level === level && entry.kind === kind)
    .flatMap((entry) => entry.tcIds)
    .toSorted((left, right) => left - right);
}

/** Every case of a file with its group. */
export function casesOf(file: string): Vector[] {
  const vectors = readVectors(`wycheproof/${file}`) as VectorFile;
  const all = vectors.testGroups.flatMap((group) => group.tests.map((test) => ({ group, test })));
  if (all.length !== vectors.numberOfTests) throw new Error(`${file} does not hold the cases it says`);
  return all;
}

export function findCase<V extends Vector>(vectors: readonly V[], tcId: number): V {
  const found = vectors.find(({ test }) => test.tcId === tcId);
  if (found === undefined) throw new Error(`no case ${tcId}`);
  return found;
}

/**
 * Runs every case.
 * @param run throws a CryptoError to refuse; any other error is a fault of the code under test and ends the run.
 */
export async function runVectors<V extends Vector>(
  vectors: readonly V[],
  run: (vector: V) => Promise<void>,
): Promise<Outcome> {
  const accepted: number[] = [];
  const validRefused: number[] = [];
  const invalidAccepted: number[] = [];
  for (const vector of vectors) {
    const { test } = vector;
    const isAccepted = await accepts(run(vector));
    if (isAccepted) accepted.push(test.tcId);
    if (isAccepted && test.result === 'invalid') invalidAccepted.push(test.tcId);
    if (!isAccepted && test.result === 'valid') validRefused.push(test.tcId);
  }
  return { cases: vectors.length, accepted, validRefused, invalidAccepted };
}

/** Whether work ends without refusal; errors other than refusals pass through. */
export async function accepts(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

export function bytesOfHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

/** Ends the run when something opened to other bytes than it should. */
export function requireBytes(actual: Uint8Array, hex: string): void {
  if (!equalBytes(actual, bytesOfHex(hex))) throw new Error('opened to other bytes than the vector says');
}

/** The token with the first character of one of its parts replaced by another letter. */
export function alterPart(token: string, part: number): string {
  const parts = token.split('.');
  const text = parts[part] ?? '';
  // The first character carries six whole bits, so the altered part stays canonical base64url.
  parts[part] = (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
  return parts.join('.');
}
