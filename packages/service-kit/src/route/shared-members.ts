import * as z from 'zod';
import type { BodyParts } from './answer.js';

/** A strict schema in two. */
interface Halves {
  readonly own: z.ZodType;
  readonly shared: z.ZodType;
  /** What was checked with the second, as it is sent: JSON text without its braces. */
  readonly written: WeakMap<object, string>;
}

/** By schema, and by the names of the members that are shared: those that a handler has in its text. */
const split = new WeakMap<z.ZodType, Map<string, Halves>>();

/**
 * JSON text of a body of which many answers share members: those are checked and written for the first of them.
 * @param schema of the route: a strict object, of which every member is checked with the one half or the other
 * @throws {ZodError} if it is none that the contract names; {Error} for another schema
 */
export function writeSharing(schema: z.ZodType, { own, shared }: BodyParts): string {
  const { written, ...halves } = halvesOf(schema, Object.keys(shared));
  // guard: response-shared without: const theirs = written.get(shared) ?? membersOf(shared);
  const theirs = written.get(shared) ?? membersOf(halves.shared.parse(shared));
  written.set(shared, theirs);
  // guard: response-own without: const mine = membersOf(own);
  const mine = membersOf(halves.own.parse(own));
  return `{${[mine, theirs].filter((members) => members !== '').join(',')}}`;
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

function membersOf(body: unknown): string {
  return JSON.stringify(body).slice(1, -1);
}
