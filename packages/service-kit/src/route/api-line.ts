import type * as z from 'zod';
import { toJsonSchema } from './openapi-components.js';
import type { RouteEntry, ServiceName } from './route-table.js';

/** A body of more characters than this is better kept in a file. */
const FIELDS_CHARS_MAX = 120;

interface Described {
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, Described>>;
  readonly example?: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
  readonly items?: Described;
  readonly anyOf?: readonly Described[];
  readonly oneOf?: readonly Described[];
}

/** The command that sends a request of a route from a terminal, with the examples of the contract for what it needs. @param service whose page it is for. */
export function commandLine(entry: RouteEntry, service: ServiceName): string {
  const { method, path, params, query, body, headers } = entry;
  const inPath = exampleOf(params);
  const target = path.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => String(inPath[name]));
  return [
    `bulla api ${method} ${target}`,
    ...Object.entries(exampleOf(query)).map(([name, value]) => `-f ${name}=${quoted(String(value))}`),
    ...(body === undefined ? [] : bodyOf(exampleOf(body))),
    ...(headers?.shape['if-match'] === undefined ? [] : ['--if-match 3']),
    // What only responders answer needs no name of one, where there is one.
    ...(service === 'responder' && entry.service === 'both' ? ['--responder urn:bulla:acme:svc:responder:eu1'] : []),
  ].join(' ');
}

function bodyOf(members: Readonly<Record<string, unknown>>): string[] {
  const given = fields(members);
  return given.join(' ').length > FIELDS_CHARS_MAX ? ['--input body.json'] : given;
}

function fields(members: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(members).map(([name, value]) =>
    typeof value === 'string' ? `-f ${name}=${quoted(value)}` : `-F ${name}=${quoted(JSON.stringify(value))}`,
  );
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What must be given: the example of the whole, or those of its required members. */
function exampleOf(schema: z.ZodType | undefined): Readonly<Record<string, unknown>> {
  if (schema === undefined) return {};
  const described = toJsonSchema(schema, 'input') as Described;
  return exampleIn(described, described) as Readonly<Record<string, unknown>>;
}

function exampleIn(part: Described, whole: Described): unknown {
  if (part.example !== undefined) return part.example;
  if (part.$ref !== undefined) return exampleIn(whole.definitions?.[part.$ref.replace(/^.*\//, '')] ?? {}, whole);
  if (part.type === 'array') return [exampleIn(part.items ?? {}, whole)];
  if (part.type === 'object') {
    const required = (part.required ?? []).map((name) => [name, part.properties?.[name] ?? {}] as const);
    return Object.fromEntries(required.map(([name, member]) => [name, exampleIn(member, whole)]));
  }
  return exampleIn((part.anyOf ?? part.oneOf ?? [])[0] ?? { example: null }, whole);
}
