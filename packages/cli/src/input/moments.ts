import { UsageError } from './usage-error.js';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const AGO = /^([1-9][0-9]{0,5})([smhdw])$/;
const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z)?$/;

/**
 * A moment as people write it: so long ago (`24h`, `7d`), a day in UTC (`2026-11-24`) or a time (`2026-11-24T09:30Z`).
 * @param now seconds
 * @returns RFC 3339 in UTC, to the millisecond
 * @throws {UsageError} naming the option
 */
export function requireMoment(option: string, text: string, now: number): string {
  const [, count = '', unit = ''] = AGO.exec(text) ?? [];
  const ms =
    count === '' ? Date.parse(DATE.test(text) ? text : '') : (now - Number(count) * (SECONDS[unit] ?? 0)) * 1000;
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  throw new UsageError(
    `${option}: expected how long ago, as 30m, 24h or 7d, or a date, as 2026-11-24 or 2026-11-24T09:30Z`,
  );
}
