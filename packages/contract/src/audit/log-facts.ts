import * as z from 'zod';
import { Hash, LogOrigin } from '../ids.js';
import { Count } from '../numbers.js';

/** An index of a log, or its size. */
export const LogPlace = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const Origin = LogOrigin.max(256);
/** Numbers below one: a new one begins every two years, or after a log was lost. So many fit into an entry. */
const LOGS_BEFORE_MAX = 80;

/**
 * The last note that a log signed: its head, and the line of its own Ed25519 key, which with the head is the note
 * (docs/spec/note.md).
 */
const lastNote = z.strictObject({
  origin: Origin,
  size: LogPlace,
  root: Hash,
  line: z
    .string()
    .max(360)
    .regex(/^\u2014 [!-~]{1,256} [A-Za-z0-9+/]{91}=$/, 'must be a signature line of a note'),
});

/**
 * What the first entry of a log says of those before it: of every lower number what was signed last, or null where it never
 * began. A log whose key bears no number names the one before it alone, and has no list.
 */
export const logsBefore = z.union([
  z.array(z.strictObject({ log: Count.min(1), note: lastNote.nullable() })).max(LOGS_BEFORE_MAX),
  z.strictObject({ origin: Origin, size: LogPlace, root: Hash }),
]);
