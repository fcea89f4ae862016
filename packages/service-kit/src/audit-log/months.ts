import { sql } from 'kysely';

const PREFIX = 'audit_entry_';

/** The table of the entries of a month, such as `2026-11`: a partition of `audit_entry`. */
export function monthTable(month: string): string {
  return `${PREFIX}${month.replace('-', '_')}`;
}

/** The month that a table is of. */
export function monthOfTable(name: string): string {
  return name.slice(PREFIX.length).replace('_', '-');
}

/** What its entries are bounded by, as SQL. */
export function valuesOfMonth(month: string) {
  return sql`for values from (${sql.lit(firstOf(month, 0))}) to (${sql.lit(firstOf(month, 1))})`;
}

/** The first moment of a month, or of one after it. */
function firstOf(month: string, after: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + after)).toISOString();
}

const YEAR_MIN = 2000;
const YEAR_MAX = 2199;

/** Whether a month can be made for it: the column has no MAC, and PostgreSQL takes infinite times and those before Christ. */
export function isMoment(at: unknown): boolean {
  const year = at instanceof Date ? at.getUTCFullYear() : Number.NaN;
  return year >= YEAR_MIN && year <= YEAR_MAX;
}
