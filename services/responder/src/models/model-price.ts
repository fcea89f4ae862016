import type { ModelUsage } from './model.js';

/** What a model costs, in the currency of its registry. */
export interface ModelPrice {
  /** A million tokens of what is asked. */
  readonly input: number;
  /** A million tokens of what is answered. */
  readonly output: number;
}

/** Billionths of a currency unit in a millionth of one, which is what a token costs where a million cost one unit. */
const NANOS_OF_A_MILLIONTH = 1_000;

/**
 * What a usage costs by a price, in whole billionths of a unit of the currency, rounded up.
 * @returns undefined where the price is not known, or the tokens are not
 */
export function costInNanos(usage: Partial<ModelUsage>, price: ModelPrice | undefined): number | undefined {
  const { prompt_tokens: asked, completion_tokens: answered } = usage;
  if (price === undefined || asked === undefined || answered === undefined) return undefined;
  const exact = (asked * price.input + answered * price.output) * NANOS_OF_A_MILLIONTH;
  // A product of decimals may lie a hair above a whole number.
  return Math.ceil(Number(exact.toFixed(3)));
}
