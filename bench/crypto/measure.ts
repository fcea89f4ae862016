import type { Child } from './children.js';
import type { Subject } from './child.js';
import { measureOpenssl, type Speeds } from './openssl.js';
import { type Part, PARTS } from './parts.js';
import type { VariantName } from './variants.js';

export const SIZES = [1024, 16_384, 65_536] as const;
export const CONCURRENCIES = [1, 16] as const;
/** Where what is done at this size, and parts alone. */
export const SMALL = SIZES[0];
export const MANY = CONCURRENCIES[1];

const WARM_SECONDS = 0.15;

/** One operation of one variant, with a payload of so many bytes, so many at once. */
export interface Cell extends Subject {
  readonly name: VariantName | 'parts';
  readonly concurrency: number;
}

/** Operations of a cell for each second of processor time, round by round; and what OpenSSL did in the same rounds. */
export interface Found {
  readonly rates: ReadonlyMap<string, readonly number[]>;
  readonly speeds: readonly Speeds[];
}

export interface MeasureOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

/** All cells of these variants, those that are compared with each other one after the other. */
export function cellsOf(names: readonly VariantName[]): Cell[] {
  const answering = names.filter((name) => name === 'letter' || name === 'question');
  return [
    ...SIZES.flatMap((bytes) =>
      (['seal', 'open'] as const).flatMap((operation) =>
        CONCURRENCIES.flatMap((concurrency) => names.map((name) => ({ name, operation, bytes, concurrency }))),
      ),
    ),
    ...CONCURRENCIES.flatMap((concurrency) =>
      answering.map((name) => ({ name, operation: 'answer', bytes: SMALL, concurrency })),
    ),
    ...(Object.keys(PARTS) as Part[]).map((operation) => ({
      name: 'parts' as const,
      operation,
      bytes: SMALL,
      concurrency: MANY,
    })),
  ];
}

/** Every cell once in each round, OpenSSL at its beginning; before the first round each runs a moment that is not counted. */
export async function measureAll(
  children: ReadonlyMap<string, Child>,
  cells: readonly Cell[],
  { rounds, seconds, say }: MeasureOptions,
): Promise<Found> {
  const rates = new Map<string, number[]>(cells.map((cell) => [keyOf(cell), []]));
  const speeds: Speeds[] = [];
  const once = async (cell: Cell, during: number) => {
    const child = children.get(cell.name);
    if (child === undefined) throw new Error(`${cell.name} was not started`);
    const { operations, cpuSeconds } = await child.ask('repeat', cell, {
      concurrency: cell.concurrency,
      seconds: during,
    });
    return operations / cpuSeconds;
  };
  say('a moment of each, so that all is compiled');
  for (const cell of cells) await once(cell, Math.min(WARM_SECONDS, seconds));
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    speeds.push(await measureOpenssl(SIZES));
    for (const cell of cells) rates.get(keyOf(cell))?.push(await once(cell, seconds));
  }
  return { rates, speeds };
}

export function keyOf({ name, operation, bytes, concurrency }: Cell): string {
  return `${name} ${operation} ${bytes} ${concurrency}`;
}
