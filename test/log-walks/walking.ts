import { rmSync } from 'node:fs';
import { folderForTest, randomFrom } from '@bulla/testkit';
import type { Property } from './judge.js';
import { Violation } from './judge.js';
import type { LogKeys } from './log-keys.js';
import { rememberingSignatures } from './remembered-signatures.js';
import type { Kind, Step, StepName, WalkParts } from './step.js';
import { KINDS } from './step.js';
import { Walk } from './walk.js';
import type { Planted } from './world.js';

/** How often each step is taken beside the others. */
const WEIGHTS: Readonly<Record<Exclude<StepName, 'attack'>, number>> = {
  decide: 10,
  sequence: 8,
  'sequence elsewhere': 2,
  witness: 4,
  audit: 4,
  'audit anew': 2,
  'back up': 2,
  'put back': 2,
  'lose folder': 0.3,
  begin: 1.5,
  publish: 3,
  restart: 1,
  time: 1,
};
const ATTACKS = 8;
const STEPS = 25;
/** Walks at one moment: half of the time of one goes by while it waits for the disk. */
const LANES = 4;

export interface Found {
  readonly property: Property;
  readonly report: () => Promise<string>;
}

export interface Walked {
  readonly found: Found | undefined;
  /** What happened, by what it came to. */
  readonly counts: ReadonlyMap<string, number>;
}

interface Plan extends WalkParts {
  readonly steps: readonly Step[];
}

/** The plan of a walk of a seed. */
export function planOf(seed: number, number: number): Plan {
  const own = (seed ^ Math.imul(number + 1, 0x9e3779b1)) >>> 0;
  const random = randomFrom(own);
  const kind = KINDS[number % KINDS.length] ?? 'honest';
  const weights: readonly (readonly [string, number])[] = [
    ...Object.entries(WEIGHTS),
    ...(kind === 'honest' ? [] : ([['attack', ATTACKS]] as const)),
  ];
  const all = weights.reduce((sum, [, weight]) => sum + weight, 0);
  const steps = Array.from({ length: STEPS }, () => {
    let left = random() * all;
    const [name = 'decide'] = weights.find(([, weight]) => (left -= weight) < 0) ?? [];
    return { name: name as StepName, seed: Math.floor(random() * 2 ** 32) };
  });
  return { kind, seed: own, steps: [{ name: 'sequence', seed: 0 }, ...steps] };
}

/** Numbers of walks, from 0. */
export function* upTo(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number;
}

/** The same of one kind alone, for what no other can find. */
export function* ofKind(kind: Kind, count: number): Generator<number> {
  for (let number = KINDS.indexOf(kind); number < count; number += KINDS.length) yield number;
}

/** Takes walks up to the first in which something happens that should not. */
export async function walkAll(
  keys: LogKeys,
  seed: number,
  numbers: Iterable<number>,
  planted?: Planted,
): Promise<Walked> {
  return rememberingSignatures(() => walkEach(keys, seed, numbers, planted));
}

async function walkEach(
  keys: LogKeys,
  seed: number,
  numbers: Iterable<number>,
  planted: Planted | undefined,
): Promise<Walked> {
  const counts = new Map<string, number>();
  const left = numbers[Symbol.iterator]();
  const found: (Found & { readonly number: number })[] = [];
  const lane = async () => {
    const folder = folderForTest('log-walks');
    for (let next = left.next(); next.done !== true && found.length === 0; next = left.next()) {
      const number = next.value;
      const plan = { ...planOf(seed, number), planted };
      const { walk, violation } = await walkOnce(keys, folder, plan);
      for (const [what, times] of walk.counts) counts.set(what, (counts.get(what) ?? 0) + times);
      if (violation === undefined) continue;
      const report = async () => {
        const short = await shortened(keys, folder, plan, violation);
        return [`seed ${seed}, walk ${number} (${plan.kind}): ${short.violation.message}`, ...short.walk.told].join(
          '\n  ',
        );
      };
      found.push({ number, property: violation.property, report });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { found: found.toSorted((one, other) => one.number - other.number)[0], counts };
}

interface Taken {
  readonly walk: Walk;
  readonly violation: Violation | undefined;
  readonly steps: number;
}

async function walkOnce(keys: LogKeys, folder: string, plan: Plan): Promise<Taken> {
  rmSync(folder, { recursive: true, force: true });
  const walk = new Walk(keys, folder, plan);
  let taken = 0;
  try {
    for (const step of plan.steps) {
      taken += 1;
      await walk.take(step);
    }
    await walk.settle();
    return { walk, violation: undefined, steps: taken };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { walk, violation: error, steps: taken };
  }
}

/** Leaves steps out as long as the same property is violated without them. */
async function shortened(keys: LogKeys, folder: string, plan: Plan, { property }: Violation) {
  const whole = await walkOnce(keys, folder, plan);
  let steps = plan.steps.slice(0, whole.steps);
  let { walk, violation } = whole;
  for (let at = steps.length - 1; at >= 0; at--) {
    const fewer = steps.filter((_step, index) => index !== at);
    const again = await walkOnce(keys, folder, { ...plan, steps: fewer });
    if (again.violation?.property !== property) continue;
    steps = fewer.slice(0, again.steps);
    ({ walk, violation } = again);
  }
  return { walk, violation: violation ?? new Violation(property, 'it did not happen again') };
}
