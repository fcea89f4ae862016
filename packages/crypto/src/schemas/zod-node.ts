import * as z from 'zod/mini';
import * as core from 'zod/v4/core';
import { atOnce } from './at-once.js';

// What `#zod` is in Node: of zod/mini what is used, and three functions in the place of its own.
export {
  _default,
  array,
  boolean,
  discriminatedUnion,
  enum,
  extend,
  gte,
  iso,
  length,
  literal,
  looseObject,
  lt,
  lte,
  maxLength,
  minLength,
  nullable,
  number,
  omit,
  optional,
  parse,
  record,
  refine,
  regex,
  safeParse,
  tuple,
  union,
  unknown,
} from 'zod/mini';

export type { core, infer, ZodMiniType } from 'zod/mini';

const PARTS: readonly { init(object: z.ZodMiniObject, of: core.$ZodObjectDef): void }[] = [
  core.$ZodObjectJIT,
  z.ZodMiniObject,
];

/**
 * An object of zod/mini that is read by a function which zod compiles for it, as zod's own objects are. Where the process
 * may not compile (`--disallow-code-generation-from-strings`) zod reads it as before. Not in browsers: a page whose policy
 * forbids it would report each try.
 */
const CompiledObject = core.$constructor('CompiledObject', (object: z.ZodMiniObject, of: core.$ZodObjectDef): void => {
  for (const part of PARTS) part.init(object, of);
});

/** `z.strictObject` of zod/mini. */
export const strictObject = ((shape: core.$ZodLooseShape, params?: string | core.$ZodObjectParams) =>
  new CompiledObject({
    type: 'object',
    shape,
    catchall: z.never(),
    ...core.util.normalizeParams(params),
  })) as unknown as typeof z.strictObject;

type SchemaPart<Schema, Of> = { init(schema: Schema, of: Of): void };
const MiniString: SchemaPart<z.ZodMiniString, core.$ZodStringDef> = z.ZodMiniString;
const MiniInt: SchemaPart<z.ZodMiniNumberFormat, core.$ZodNumberFormatDef> = z.ZodMiniNumberFormat;

/** A text that is asked at once. */
const CompiledString = core.$constructor('CompiledString', (text: z.ZodMiniString, of: core.$ZodStringDef): void => {
  MiniString.init(text, of);
  atOnce(text);
});

/** A whole number, in the same way. */
const CompiledInt = core.$constructor(
  'CompiledInt',
  (int: z.ZodMiniNumberFormat, of: core.$ZodNumberFormatDef): void => {
    MiniInt.init(int, of);
    atOnce(int);
  },
);

/** `z.string` of zod/mini. */
export const string = ((params?: string) => core._string(CompiledString, params)) as typeof z.string;

/** `z.int` of zod/mini. */
export const int = ((params?: string) => core._int(CompiledInt, params)) as typeof z.int;
