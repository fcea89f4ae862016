import { randomFrom } from '@bulla/testkit';

/** What may happen, and how often beside the others: in a walk with a vault that lies, and in one with an honest vault. */
const WEIGHTS = {
  run: [9, 9],
  read: [7, 5],
  'run known': [4, 3],
  move: [14, 14],
  delete: [2, 2],
  approve: [10, 12],
  confirm: [7, 7],
  adopt: [5, 4],
  round: [14, 9],
  rules: [5, 7],
  revoke: [2, 3],
  publish: [4, 5],
  branch: [3, 0],
  restart: [3, 3],
  restore: [4, 5],
  hours: [7, 7],
  days: [8, 8],
  week: [2, 3],
  two: [4, 6],
  attack: [12, 0],
  // What a person does who is refused; at the end of a walk with an honest vault everybody does it.
  cure: [0, 3],
  months: [0, 1],
} as const satisfies Record<string, readonly [number, number]>;
/** What happens where a walk is led to something. */
type Led =
  | 'begin'
  | 'look'
  | 'push'
  | 'past shown'
  | 'past to renewers'
  | 'branch shown'
  | 'two branches'
  | 'shorten'
  | 'round of all'
  | 'weeks end'
  | 'cure all';
export type StepKind = keyof typeof WEIGHTS | Led;

/** One step: what it does is drawn from a seed of its own, so that it stays the same when others are left out. */
export interface Step {
  readonly kind: StepKind;
  readonly seed: number;
}

/** A walk as it is to be done. */
export interface Plan {
  readonly isHonest: boolean;
  readonly rules: { readonly threshold: number; readonly days: number; readonly freshDays: number };
  readonly steps: readonly Step[];
}

/** How walks with a vault that lies end: what is past is over by then, even for homes that never heard of it. */
const OVER = ['round of all', 'weeks end', 'round of all'] as const;
const ENDS: readonly (readonly StepKind[])[] = [
  OVER,
  ['adopt', 'move', 'push', ...OVER],
  ['round of all', 'move', 'shorten', ...OVER],
  ['look', 'push', 'push', ...OVER, 'past shown'],
  ['publish', 'hours', 'look', 'branch', 'hours', 'branch shown'],
  ['look', 'two branches'],
  ['round of all', 'push', 'round of all', 'past to renewers'],
  ['round of all', 'move', 'weeks end', 'round of all', 'approve', 'approve'],
];

const STEPS_LEAST = 7;
const STEPS_MORE = 5;

/** The walk of a number, by the seed of the run. */
export function planOf(seed: number, number: number): Plan {
  const random = randomFrom(seed ^ Math.imul(number + 1, 0x9e3779b1));
  const seedOf = () => Math.floor(random() * 2 ** 32);
  const isHonest = random() < 0.3;
  const rules = {
    threshold: random() < 0.5 ? 1 : 2,
    days: random() < 0.3 ? 10 : 365,
    freshDays: random() < 0.5 ? 7 : 3,
  };
  const kinds: StepKind[] = ['begin', ...(random() < 0.6 ? (['round of all', 'days'] as const) : [])];
  const length = STEPS_LEAST + Math.floor(random() * STEPS_MORE);
  while (kinds.length < length) kinds.push(drawKind(random, isHonest));
  if (isHonest) kinds.push('cure all');
  else if (random() < 0.7)
    kinds.push(...(ENDS[Math.floor(random() * ENDS.length)] ?? []), 'attack', 'attack', 'attack');
  return { isHonest, rules, steps: kinds.map((kind) => ({ kind, seed: seedOf() })) };
}

function drawKind(random: () => number, isHonest: boolean): StepKind {
  const weights = Object.entries(WEIGHTS).map(([kind, [lying, honest]]) => [kind, isHonest ? honest : lying] as const);
  const sum = weights.reduce((total, [, weight]) => total + weight, 0);
  let drawn = random() * sum;
  const found = weights.find(([, weight]) => (drawn -= weight) < 0);
  return (found?.[0] ?? 'run') as StepKind;
}
