import type { Verdict } from '../figures.js';
import type { Holding } from './holding.js';
import { type Cell, type Found, keyOf, MANY, SIZES, SMALL } from './measure.js';
import { LETTER_WORK, ratioOf, shareOf } from './ratios.js';
import type { Streamed } from './streaming.js';
import type { VariantName } from './variants.js';

type Operation = 'seal' | 'open';
const LARGE = SIZES[2];

/** How many times as many letters as messages of a peer are sealed or opened for the same processor time, at least. */
const AGAINST_PEERS: readonly (readonly [VariantName, Operation, bytes: number, min: number])[] = [
  ['jose', 'seal', SMALL, 1.15],
  ['jose', 'open', SMALL, 1.05],
  ['jose', 'seal', LARGE, 2.5],
  ['node-jose', 'seal', SMALL, 3],
  ['node-jose', 'open', SMALL, 3],
  ['openpgp-rsa', 'seal', SMALL, 3.5],
  ['openpgp-rsa', 'open', SMALL, 3.5],
  ['aws-signed', 'seal', SMALL, 6],
  ['aws-signed', 'open', SMALL, 10],
];
export const OPENSSL_SHARE_MIN = 0.7;
const OPENSSL_SHARE_AIM = 0.78;
export const HOLDING_MS_MAX = 5;
export const STREAM_MIB_MAX = 64;

export interface Measured {
  readonly found: Found;
  /** By what was called. */
  readonly holdings: readonly (readonly [what: string, holding: Holding])[];
  readonly streamed: Streamed;
}

/** One line for each goal that was measured, and whether it was held. */
export function verdictsOf({ found, holdings, streamed }: Measured): Verdict[] {
  return [
    ...(['seal', 'answer'] as const).map((operation) => againstOpenssl(found, operation)),
    ...AGAINST_PEERS.filter(([name, operation, bytes]) => found.rates.has(keyOf(many(name, operation, bytes)))).map(
      ([name, operation, bytes, min]) => {
        const ratio = ratioOf(found, many('letter', operation, bytes), many(name, operation, bytes));
        const what = `${operation} ${bytes / 1024} KiB: at least ${min} times as many as ${name} (${ratio.toFixed(2)})`;
        return { what, held: ratio >= min };
      },
    ),
    ...holdings.map(([what, { worst }]) => ({
      what: `${what}: never holds the event loop for more than ${HOLDING_MS_MAX} ms (${worst.toFixed(1)} ms)`,
      held: worst <= HOLDING_MS_MAX,
    })),
    {
      what: `a stream of ${streamed.mib} MiB takes less than ${STREAM_MIB_MAX} MiB of memory (${streamed.growthMiB.toFixed(0)} MiB)`,
      held: streamed.growthMiB < STREAM_MIB_MAX,
    },
  ];
}

function againstOpenssl(found: Found, operation: 'seal' | 'answer'): Verdict {
  const share = shareOf(found, many('letter', operation, SMALL), LETTER_WORK[operation](SMALL));
  const name = operation === 'seal' ? 'sign and seal' : 'open, sign and seal';
  const aim = `${OPENSSL_SHARE_MIN} of what OpenSSL's primitives allow, ${OPENSSL_SHARE_AIM} is the aim`;
  return { what: `${name} 1 KiB: at least ${aim} (${share.toFixed(2)})`, held: share >= OPENSSL_SHARE_MIN };
}

export function many(name: VariantName | 'parts', operation: string, bytes: number): Cell {
  return { name, operation, bytes, concurrency: MANY };
}
