import * as z from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;
type Direction = 'input' | 'output';

/** The named schemas of a document: what the contract gives an id stands once and is referred to. */
export class OpenapiComponents {
  readonly schemas: Record<string, JsonSchema> = {};

  /** A reference, or the schema itself where it has no name. */
  use(schema: z.ZodType, direction: Direction): JsonSchema {
    const { definitions = {}, ...root } = toJsonSchema(schema, direction);
    const names = new Map(Object.keys(definitions).map((id) => [id, this.#nameOf(id, definitions)]));
    for (const [id, definition] of Object.entries(definitions)) {
      this.schemas[names.get(id) ?? id] = refer(definition, names) as JsonSchema;
    }
    return refer(root, names) as JsonSchema;
  }

  /** The schema itself, for parameters, which are small. */
  inline(schema: z.ZodType, direction: Direction): JsonSchema {
    return toJsonSchema(schema, direction);
  }

  /** The same id with another shape, as a default gives input and output, gets a name of its own. */
  #nameOf(id: string, definitions: Readonly<Record<string, unknown>>): string {
    const names = new Map(Object.keys(definitions).map((one) => [one, one]));
    const same = JSON.stringify(this.schemas[id]) === JSON.stringify(refer(definitions[id], names));
    return this.schemas[id] === undefined || same ? id : `${id}Input`;
  }
}

interface Converted extends JsonSchema {
  readonly definitions?: Readonly<Record<string, unknown>>;
}

/** The schema as OpenAPI 3.0 writes it, with what has a name beside it. */
export function toJsonSchema(schema: z.ZodType, io: Direction): Converted {
  return z.toJSONSchema(schema, { target: 'openapi-3.0', io, unrepresentable: 'any' }) as Converted;
}

/** zod refers to `#/definitions/X`, OpenAPI to `#/components/schemas/X`. */
function refer(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => refer(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      key === '$ref' && typeof member === 'string'
        ? [
            key,
            member.replace(/^#\/definitions\/(.+)$/, (_, id: string) => `#/components/schemas/${names.get(id) ?? id}`),
          ]
        : [key, refer(member, names)],
    ),
  );
}
