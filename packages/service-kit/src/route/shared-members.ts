import * as z from 'zod';
import type { BodyParts } from './answer.js';

/** A strict schema in two. */
interface Halves {
  readonly own: z.ZodType;
  readonly shared: z.ZodType;
  /** What was checked with the second, as it is sent: JSON text without its first brace. */
  readonly written: WeakMap<object, string>;
}

/** An object without members as JSON text, and that without its first brace. */
const [NOTHING, NOTHING_MORE] = ['{}', '}'];

/** By schema, and by the names of the members that are shared: those that a handler has in its text. */
const split = new WeakMap<z.ZodType, Map<string, Halves>>();

/**
 * JSON text of a body of which many answers share members: those are checked and written for the first of them.
 * @param schema of the route: a strict object, of which every member is checked with the one half or the other
 * @throws {ZodError} if it is none that the contract names; {Error} for another schema
 */
export function writeSharing(schema: z.ZodType, { own, shared }: BodyParts): string {
  const { written, ...halves } = halvesOf(schema, Object.keys(shared));
  let theirs = written.get(shared);
  if (theirs === undefined) {
    // guard: response-shared without: theirs = JSON.stringify(shared).slice(1);
    theirs = JSON.stringify(halves.shared.parse(shared)).slice(1);
    written.set(shared, theirs);
  }
  // guard: response-own without: const mine = JSON.stringify(own);
  const mine = JSON.stringify(halves.own.parse(own));
  if (theirs === NOTHING_MORE) return mine;
  // Put together and not joined: what is long is copied when it is sent, and not before.
  return mine === NOTHING ? `{${theirs}` : `${mine.slice(0, -1)},${theirs}`;
}

function halvesOf(schema: z.ZodType, names: readonly string[]): Halves {
  const known = split.get(schema) ?? new Map<string, Halves>();
  split.set(schema, known);
  const key = names.join(' ');
  const halves = known.get(key) ?? splitAt(schema, names);
  known.set(key, halves);
  return halves;
}

function splitAt(schema: z.ZodType, names: readonly string[]): Halves {
  if (!(schema instanceof z.ZodObject))
    throw new Error('only a route that answers with an object shares members of it');
  const mask = Object.fromEntries(names.map((name) => [name, true])) as Record<string, never>;
  return { own: schema.omit(mask), shared: schema.pick(mask), written: new WeakMap() };
}
