import type * as z from 'zod';
import type { BullaError } from '../connection/errors.js';
import { isAppObject, withoutNulls } from './app-body.js';
import type { AppObject } from './app-body.js';
import { refused } from './app-errors.js';

/** What becomes of a member of an app's request. */
export type MemberRule =
  /** The model is told it. */
  | { readonly is: 'passed'; readonly how: string }
  /** It changes no answer: it is dropped. */
  | { readonly is: 'passed over'; readonly why: string }
  /** An answer that did not heed it would be a wrong one. Values in `but` ask for nothing. */
  | { readonly is: 'refused'; readonly why: string; readonly but?: readonly unknown[] };

export type MemberRules = Readonly<Record<string, MemberRule>>;

/** Names that an error may repeat; others could be anything. */
const PLAIN = /^[\w.-]{1,64}$/;

/**
 * The members of a request that are passed on.
 * @param passUnknown drops members without a rule, which are an error otherwise.
 * @throws {BullaError} validation_failed that names the member
 */
export function readMembers(body: AppObject, rules: MemberRules, passUnknown: boolean): AppObject {
  const given = Object.entries(withoutNulls(body));
  const passed = given.filter(([name, value]) => {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    // guard: app-member-unknown
    if (rule === undefined && !passUnknown) throw unknownMember(name);
    // guard: app-member-refused
    if (rule?.is === 'refused' && rule.but?.includes(value) !== true)
      throw refused(pointerTo([name]), `is not passed on: ${rule.why}`);
    return rule?.is === 'passed';
  });
  return Object.fromEntries(passed);
}

function unknownMember(name: string): BullaError {
  const isPlain = PLAIN.test(name);
  const why = 'is a member that a sealed question has no place for: leave it out';
  return refused(isPlain ? pointerTo([name]) : '', isPlain ? why : 'has a member that is not known here: leave it out');
}

/**
 * A part of a request in a vendor's shape.
 * @param at where it stands in the request.
 * @throws {BullaError} validation_failed with the place of the first fault, and never a value
 */
export function shaped<Value>(value: unknown, schema: z.ZodType<Value>, at: readonly PropertyKey[]): Value {
  const result = schema.safeParse(value);
  // guard: app-shape without: return value as Value;
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw refused(pointerTo([...at, ...(issue?.path ?? [])]), issue === undefined ? 'is wrong' : saidOf(issue));
}

/** A list, element by element: of a long one the first fault is enough. @throws {BullaError} as {@link shaped} */
export function shapedList<Value>(list: unknown, schema: z.ZodType<Value>, at: readonly PropertyKey[]): Value[] {
  if (!Array.isArray(list)) throw refused(pointerTo(at), 'must be a list');
  return list.map((value, index) => shaped(value, schema, [...at, index]));
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'an object',
  object: 'an object',
};

/** What a schema found, in words that follow the name of a member; what it says itself does already. */
function saidOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return unknownKeys(issue.keys);
  if (!/^(?:Invalid|Too) /.test(issue.message)) return issue.message;
  if (issue.code === 'invalid_type') return `must be ${NOUNS[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be ${issue.values.map(String).join(', ')}`;
  return issue.code === 'too_small'
    ? `must be at least ${String(issue.minimum)}`
    : 'has none of the forms that are known here';
}

function unknownKeys(keys: readonly string[]): string {
  const plain = keys.filter((key) => PLAIN.test(key));
  return `has a member that is not passed on${plain.length > 0 ? `: ${plain.join(', ')}` : ''}`;
}

/** RFC 6901, with a star for what could be anything. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((name) => `/${PLAIN.test(String(name)) ? String(name) : '*'}`).join('');
}

/** The `type` of a part of a request, where it says one in words. */
export function typeOf(value: unknown): string | undefined {
  const type = isAppObject(value) ? value['type'] : undefined;
  return typeof type === 'string' ? type : undefined;
}
