import { type Cell, type Found, keyOf } from './measure.js';
import { secondsOf, type Work } from './openssl.js';

/** What OpenSSL's primitives take for what a letter does, with a payload of so many bytes. */
export const LETTER_WORK = {
  seal: (bytes) => ({ sign: 1, encrypt: 1, gcm: bytes, sha256: bytes }),
  open: (bytes) => ({ decrypt: 1, verify: 1, gcm: bytes, sha256: bytes }),
  answer: (bytes) => ({ decrypt: 1, verify: 1, sign: 1, encrypt: 1, gcm: 2 * bytes, sha256: 2 * bytes }),
} as const satisfies Record<string, (bytes: number) => Work>;
/** The answer to a question is sealed under a secret of the question: nothing is encrypted to a key. */
export const ANSWER_WORK = { decrypt: 1, verify: 1, sign: 1, gcm: 2048, sha256: 2048 } as const satisfies Work;

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/** Operations for each second of processor time; NaN for what was not measured. */
export function rateOf(found: Found, cell: Cell): number {
  return median(roundsOf(found, cell));
}

/** How many times as many a cell does as another one: of each round, since what happens to one happens to its neighbour. */
export function ratioOf(found: Found, cell: Cell, other: Cell): number {
  const others = roundsOf(found, other);
  return median(roundsOf(found, cell).map((rate, round) => rate / (others[round] ?? Number.NaN)));
}

/** Which part a cell does of what its primitives alone would allow in OpenSSL, by the speeds of each round. */
export function shareOf(found: Found, cell: Cell, work: Work): number {
  const { speeds } = found;
  return median(
    roundsOf(found, cell).map((rate, round) => {
      const ofRound = speeds[round];
      return ofRound === undefined ? Number.NaN : rate * secondsOf(work, ofRound);
    }),
  );
}

/** Operations a second that OpenSSL's primitives would allow. */
export function limitOf({ speeds }: Found, work: Work): number {
  return median(speeds.map((ofRound) => 1 / secondsOf(work, ofRound)));
}

function roundsOf({ rates }: Found, cell: Cell): readonly number[] {
  return rates.get(keyOf(cell)) ?? [];
}
