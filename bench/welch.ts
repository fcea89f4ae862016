/** Two classes of times, held against each other (Welch's t-test: their variances may differ). */
export interface Comparison {
  readonly t: number;
  /** Mean of the second less mean of the first, in the unit of the samples. */
  readonly difference: number;
  /** The smallest difference that would have been noticed. */
  readonly noticeable: number;
  readonly differs: boolean;
}

/** Beyond it two classes differ: what leakage tests take (TVLA, dudect); by chance in seven of a million comparisons. */
export const T_MAX = 4.5;
/** The slowest part of all samples says something about the machine and nothing about the code. */
const CROPPED = 0.1;

/**
 * Compares without the slowest tenth of both together: one limit for both, so that a class that is slow loses more of its own.
 * @throws {Error} if a class has fewer than two samples left
 */
export function compare(first: readonly number[], second: readonly number[]): Comparison {
  const limit = [...first, ...second].toSorted((a, b) => a - b)[
    Math.ceil((first.length + second.length) * (1 - CROPPED)) - 1
  ];
  const cropped = (samples: readonly number[]) => samples.filter((sample) => sample <= (limit ?? 0));
  return welch(cropped(first), cropped(second));
}

/** @throws {Error} if a class has fewer than two samples */
export function welch(first: readonly number[], second: readonly number[]): Comparison {
  const [one, other] = [momentsOf(first), momentsOf(second)];
  const difference = other.mean - one.mean;
  const error = Math.sqrt(one.variance / first.length + other.variance / second.length);
  const t = difference === 0 ? 0 : difference / error;
  return { t, difference, noticeable: T_MAX * error, differs: Math.abs(t) > T_MAX };
}

/** The variance is that of a sample: divided by one less than there are. */
function momentsOf(samples: readonly number[]): { mean: number; variance: number } {
  if (samples.length < 2) throw new Error('nothing can be said about fewer than two samples');
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  const squares = samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0);
  return { mean, variance: squares / (samples.length - 1) };
}
