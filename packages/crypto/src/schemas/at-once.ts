import type * as z from 'zod/v4/core';

/** Whether a value of its kind passes a check; where it says no, it may pass all the same. */
type Test = (value: never) => boolean;

/**
 * Has a text or a whole number asked at once for what its checks want: one by one zod takes several times as long. Where one
 * may not hold, zod looks, and says which. A schema with other checks is left as it is, and so is what is made of it later.
 */
export function atOnce({ _zod: inner }: z.$ZodType): void {
  const isOfKind = kindOf(inner.def as z.$ZodTypes['_zod']['def']);
  const tests = (inner.def.checks ?? []).map(({ _zod: { def } }) => testOf(def as z.$ZodChecks['_zod']['def']));
  const [first, ...others] = tests.filter((test) => test !== undefined);
  if (isOfKind === undefined || first === undefined || others.length + 1 < tests.length) return;
  const run = inner.run.bind(inner);
  inner.run = (payload, context) => {
    const value = payload.value as never;
    const passes = isOfKind(value) && first(value) && others.every((test) => test(value));
    return passes ? payload : run(payload, context);
  };
}

function kindOf(schema: z.$ZodTypes['_zod']['def']): ((value: unknown) => boolean) | undefined {
  if (schema.type === 'string') return 'format' in schema ? undefined : (value) => typeof value === 'string';
  return schema.type === 'number' && 'format' in schema && schema.format === 'safeint'
    ? Number.isSafeInteger
    : undefined;
}

/** What a check wants of a value of its kind; undefined where it wants something else. */
function testOf(check: z.$ZodChecks['_zod']['def']): Test | undefined {
  // A character outside the basic plane has two units, and counts once.
  if (check.check === 'max_length') return ({ length }: string) => length <= check.maximum;
  if (check.check === 'min_length') return ({ length }: string) => length >= 2 * check.minimum;
  if (check.when !== undefined) return undefined;
  if (check.check === 'greater_than' || check.check === 'less_than') return within(check);
  const pattern = check.check === 'string_format' && check.format === 'regex' ? check.pattern : undefined;
  // One with flags may remember where it was.
  return pattern?.flags === '' ? (text: string) => pattern.test(text) : undefined;
}

function within({ check, value: bound, inclusive }: z.$ZodCheckGreaterThanDef | z.$ZodCheckLessThanDef) {
  if (typeof bound !== 'number' || !inclusive) return undefined;
  return check === 'greater_than' ? (value: number) => value >= bound : (value: number) => value <= bound;
}
