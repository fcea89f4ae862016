import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import type { Route } from '../src/index.js';
import { ProblemDocument, ROUTES } from '../src/index.js';

// The API pages show these: every property says what it is, and its example is one.

type JsonSchema = z.core.JSONSchema.BaseSchema & { readonly example?: unknown };
type Direction = 'input' | 'output';

/** What routes take and give, by a name for people. */
function* schemasOf(): Generator<readonly [name: string, direction: Direction, schema: z.ZodType]> {
  yield ['Problem', 'output', ProblemDocument];
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    for (const part of ['params', 'query', 'headers', 'body'] as const) {
      const schema = route[part];
      if (schema !== undefined) yield [`${name} ${part}`, 'input', schema];
    }
    for (const part of ['response', 'event'] as const) {
      const schema = route[part];
      if (schema !== undefined) yield [`${name} ${part}`, 'output', schema];
    }
  }
}

function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const name = schema.$ref?.replace('#/$defs/', '');
  return name === undefined ? schema : (root.$defs?.[name] as JsonSchema);
}

/** The places of a schema that say nothing about themselves. */
function silentIn(schema: JsonSchema, root: JsonSchema, place = ''): string[] {
  const { properties = {}, items, anyOf = [], oneOf = [], description } = resolved(schema, root);
  const inside = Object.entries(properties).flatMap(([name, property]) => {
    const at = `${place}/${name}`;
    const isSilent =
      (property as JsonSchema).description === undefined &&
      resolved(property as JsonSchema, root).description === undefined;
    return [...(isSilent ? [at] : []), ...silentIn(property as JsonSchema, root, at)];
  });
  const branches = [...anyOf, ...oneOf, ...(items === undefined ? [] : [items])] as JsonSchema[];
  return description === '' ? [place] : [...inside, ...branches.flatMap((branch) => silentIn(branch, root, place))];
}

/** The example of a schema, put together from those of its parts. */
function exampleOf(schema: JsonSchema, root: JsonSchema): unknown {
  const { example, type, properties = {}, items, anyOf, oneOf } = resolved(schema, root);
  if (schema.example !== undefined) return schema.example;
  if (example !== undefined) return example;
  if (type === 'array') return [exampleOf(items as JsonSchema, root)];
  if (type === 'object')
    return Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [name, exampleOf(part as JsonSchema, root)]),
    );
  const [first] = (anyOf ?? oneOf ?? []) as JsonSchema[];
  return first === undefined ? undefined : exampleOf(first, root);
}

describe.each([...schemasOf()])('%s', (_name, direction, schema) => {
  // As the pages have it; what is no JSON, such as a query, is anything there.
  const json = z.toJSONSchema(schema, { io: direction, unrepresentable: 'any' }) as JsonSchema;

  it('says of every property what it is', () => {
    expect(silentIn(json, json)).toEqual([]);
  });

  it('has examples that are what they are examples of', () => {
    expect(schema.safeParse(exampleOf(json, json))).toMatchObject({ success: true });
  });
});

it('finds what says nothing, and an example that is none', () => {
  const planted = z.strictObject({
    silent: z.string(),
    wrong: z.string().max(1).meta({ description: 'x', example: 'xx' }),
  });
  const json = z.toJSONSchema(planted) as JsonSchema;
  expect(silentIn(json, json)).toEqual(['/silent']);
  expect(planted.safeParse(exampleOf(json, json)).success).toBe(false);
});
