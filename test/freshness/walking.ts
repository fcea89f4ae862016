import type { Setting } from './organisation.js';
import type { Plan, Step } from './plan.js';
import { planOf } from './plan.js';
import type { Property } from './properties.js';
import { Violation } from './properties.js';
import { take } from './steps.js';
import type { Planted } from './walk.js';
import { Walk } from './walk.js';

/** What should not have happened, and the steps that lead there. */
export interface Found {
  readonly property: Property;
  /** For people: looks for a short list of steps, which takes longer than finding the fault. */
  report(): Promise<string>;
}

export interface Walked {
  readonly found: Found | undefined;
  /** What happened, by what it came to. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Numbers of walks, from 0. */
export function* upTo(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number;
}

/** Walks at once: one alone waits a third of its time for its signatures. Nothing of a walk is known to another. */
const LANES = 2;

/**
 * Takes the walks of these numbers, up to the first in which something happens that should not.
 * @param taken told after each walk
 */
export async function walkAll(
  setting: Setting,
  seed: number,
  numbers: Iterable<number>,
  { planted = {}, taken }: { readonly planted?: Planted; readonly taken?: () => void } = {},
): Promise<Walked> {
  const counts = new Map<string, number>();
  const isPlanted = Object.keys(planted).length > 0;
  const left = numbers[Symbol.iterator]();
  const failed: { readonly number: number; readonly plan: Plan; readonly violation: Violation }[] = [];
  const lane = async () => {
    for (let next = left.next(); next.done !== true && failed.length === 0; next = left.next()) {
      const number = next.value;
      const plan = planOf(seed, number);
      // An honest vault asks nothing of what is planted.
      if (isPlanted && plan.isHonest) continue;
      const { walk, violation } = await walkOnce(setting, plan, planted);
      for (const [what, times] of walk.counts) counts.set(what, (counts.get(what) ?? 0) + times);
      taken?.();
      if (violation !== undefined) failed.push({ number, plan, violation });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  // The one that ended first need not be the first one.
  const [first] = failed.toSorted((one, other) => one.number - other.number);
  if (first === undefined) return { found: undefined, counts };
  const { number, plan, violation } = first;
  const report = async () => {
    const short = await shortened(setting, plan, planted, violation);
    return [`seed ${seed}, walk ${number}: ${short.violation.message}`, ...short.walk.told].join('\n  ');
  };
  return { found: { property: violation.property, report }, counts };
}

interface Taken {
  readonly walk: Walk;
  readonly violation: Violation | undefined;
  /** How many steps were taken. */
  readonly steps: number;
}

async function walkOnce(setting: Setting, plan: Plan, planted: Planted): Promise<Taken> {
  const walk = await Walk.start(setting, plan, planted);
  let steps = 0;
  try {
    for (const step of plan.steps) {
      steps += 1;
      await take(walk, step);
    }
    return { walk, violation: undefined, steps };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { walk, violation: error, steps };
  }
}

/** Leaves steps out as long as the same property is violated without them. */
async function shortened(setting: Setting, plan: Plan, planted: Planted, { property }: Violation) {
  const whole = await walkOnce(setting, plan, planted);
  let steps: readonly Step[] = plan.steps.slice(0, whole.steps);
  let { walk, violation } = whole;
  for (let at = steps.length - 1; at >= 0; at--) {
    const fewer = steps.filter((_step, index) => index !== at);
    const again = await walkOnce(setting, { ...plan, steps: fewer }, planted);
    if (again.violation?.property !== property) continue;
    steps = fewer.slice(0, again.steps);
    ({ walk, violation } = again);
  }
  // What two processes at once come to is not the same each time.
  return { walk, violation: violation ?? new Violation(property, 'it did not happen again') };
}
