import * as z from 'zod';

/** Largest number of a version, a position or a document: what a PostgreSQL `integer` holds. */
const NUMBER_MAX = 2_147_483_647;

/** Number of a version; the first is 1. */
export const Version = z.int().min(1).max(NUMBER_MAX);
/** Number of a version that need not exist yet: 0 is none. */
export const VersionOrNone = z.int().min(0).max(NUMBER_MAX);
/** Position of a label in its history; the first is 1. */
export const Sequence = z.int().min(1).max(NUMBER_MAX);
/** How many of something. */
export const Count = z.int().min(0).max(NUMBER_MAX);

/** Reads `12` as 12; anything spelled otherwise stays a string, which the schema behind refuses. */
function readDecimal(value: unknown): unknown {
  return typeof value === 'string' && /^(?:0|[1-9][0-9]{0,14})$/.test(value) ? Number(value) : value;
}

/** A whole number in a path or a query, where it arrives as a string: `1e2`, `+1`, `01`, `1.0` and `` are none. */
export const decimal = (number: z.ZodInt) => z.preprocess(readDecimal, number);
