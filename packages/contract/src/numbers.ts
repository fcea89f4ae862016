import { atOnce, NUMBER_MAX } from '@bulla/crypto/names';
import * as z from 'zod';

/** Number of a version; the first is 1. */
export const Version = z
  .int()
  .min(1)
  .max(NUMBER_MAX)
  .meta({ description: 'Number of the version; the first is 1.', example: 3 });
/** Number of a version that need not exist yet: 0 means no version yet. */
export const VersionOrNone = z
  .int()
  .min(0)
  .max(NUMBER_MAX)
  .meta({ description: 'Number of the version; 0 means no version yet.', example: 3 });
/** Position of a label in its history; the first is 1. */
export const Sequence = z
  .int()
  .min(1)
  .max(NUMBER_MAX)
  .meta({ description: 'Position of the label: every move counts on.', example: 7 });
/** How many of something. */
export const Count = z.int().min(0).max(NUMBER_MAX).meta({ description: 'How many.', example: 2 });
for (const schema of [Version, VersionOrNone, Sequence, Count]) atOnce(schema);

/** Reads `12` as 12; anything spelled otherwise stays a string, which the schema behind refuses. */
function readDecimal(value: unknown): unknown {
  return typeof value === 'string' && /^(?:0|[1-9][0-9]{0,14})$/.test(value) ? Number(value) : value;
}

/** A whole number in a path or a query, where it arrives as a string: `1e2`, `+1`, `01`, `1.0` and `` are refused. */
export const decimal = (number: z.ZodInt) => z.preprocess(readDecimal, number);

/** Version of the format of an answer, where programs of other versions may read it. */
export const FormatVersion = z.literal(1).meta({ description: 'The version of this format.', example: 1 });
