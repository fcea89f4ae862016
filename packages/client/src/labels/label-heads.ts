import type { ChainTuple, PositionRef } from '@bulla/crypto';

/** A position of a label that this client accepted, with what shows it. */
export interface LabelHead extends ChainTuple, PositionRef {
  readonly label: string;
  /** The tags that showed it. */
  readonly tags: readonly string[];
  /** Seconds: until when these tags were enough. */
  readonly until: number;
  /** The moves that led here as far as they are kept, oldest first; the last one led here. */
  readonly tuples: readonly ChainTuple[];
  /** Seconds: when a person said that it is the one. */
  readonly adopted?: number | undefined;
  /** Of a renewer: whether it says that this position is the newest, once it saw it fresh or a person adopted it. */
  readonly vouched?: boolean | undefined;
}

/** A position that was seen before positions had a predecessor: its number is all there is. */
export interface EarlierHead {
  readonly label: string;
  readonly seq: number;
}

export type RememberedLabel = LabelHead | EarlierHead;

/** Two positions of which neither comes after the other, as their tags say: somebody signed both, or a vault went back. */
export interface LabelFork {
  readonly name: string;
  readonly label: string;
  /** Seconds. */
  readonly at: number;
  readonly remembered: readonly string[];
  readonly shown: readonly string[];
}
