import type { Planted } from './world.js';

/** Who else is at work: nobody, somebody with SQL, or with SQL and the keys of numbers that have ended. */
export const KINDS = ['honest', 'sql', 'ended'] as const;
export type Kind = (typeof KINDS)[number];

export type StepName =
  | 'decide'
  | 'sequence'
  | 'sequence elsewhere'
  | 'witness'
  | 'audit'
  | 'audit anew'
  | 'back up'
  | 'put back'
  | 'lose folder'
  | 'begin'
  | 'publish'
  | 'restart'
  | 'time'
  | 'attack';

/** A step, and what chance it goes by. */
export interface Step {
  readonly name: StepName;
  readonly seed: number;
}

export interface WalkParts {
  readonly kind: Kind;
  readonly seed: number;
  readonly planted?: Planted | undefined;
}
