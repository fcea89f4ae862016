import { UsageError } from './usage-error.js';

const MS = { m: 60_000, h: 3_600_000 } as const;
const DAY_MS = 86_400_000;

/** The minutes or hours of `--every`, as milliseconds. @throws {UsageError} */
export function requirePeriod(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,3})([mh])$/.exec(text) ?? [];
  const ms = count === undefined ? 0 : Number(count) * MS[unit as keyof typeof MS];
  if (ms > 0 && ms <= DAY_MS) return ms;
  throw new UsageError('--every: expected minutes or hours from 1m to 24h, such as 1h');
}
