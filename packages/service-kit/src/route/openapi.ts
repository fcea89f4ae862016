import {
  EDGE_PROBLEMS,
  groupOf,
  Problem,
  problemDocument,
  PROBLEMS,
  ProblemDocument,
  ROUTE_GROUPS,
} from '@bulla/contract';
import type { ProblemCode } from '@bulla/contract';
import * as z from 'zod';
import { commandLine } from './api-line.js';
import { OpenapiComponents } from './openapi-components.js';
import type { JsonSchema } from './openapi-components.js';
import { entriesOf } from './route-table.js';
import type { RouteEntry, ServiceName } from './route-table.js';

/** An OpenAPI 3.0 document, as far as the kit looks into it. */
export interface OpenapiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const SIGNATURE = {
  type: 'apiKey',
  in: 'header',
  name: 'Signature',
  description:
    'RFC 9421 signature with a key of the organisation’s directory (of a device that asks to be listed: its own), beside Signature-Input and, with a body, Content-Digest (RFC 9530).',
} as const;
const SIGNED =
  'Every request of a member is signed by RFC 9421, as docs/spec/http-signature.md in the sources says. The SDK and the command bulla sign by themselves.';
const EXAMPLE_MS = Date.parse('2026-11-28T09:30:00.000Z');
/** Where in the document the problems of the edge stand, once for all operations. */
const EDGE = 'Edge';

/** A response that is a problem document whose code is one of these. */
type Problems = (codes: readonly ProblemCode[]) => object;

/**
 * The whole interface of a service as OpenAPI 3.0.4, from the contract's routes: nothing is declared for it alone.
 */
export function openapiDocument(service: ServiceName, version: string): OpenapiDocument {
  const components = new OpenapiComponents();
  const schema = components.use(ProblemDocument, 'output');
  const problems: Problems = (codes) => problemResponse(codes, schema, service);
  const paths: Record<string, Record<string, unknown>> = {};
  const entries = entriesOf(service);
  const groups = [...new Set(entries.map(({ name }) => groupOf(name)))];
  for (const entry of entries) {
    const operations = (paths[entry.path] ??= {});
    operations[entry.method.toLowerCase()] = {
      ...operation(entry, components, problems),
      description: `${accessOf(entry)}\n\n${sentBy(entry, service)}`,
    };
  }
  return {
    openapi: '3.0.4',
    info: { title: `Bulla ${service}`, version, description: `HTTP interface of the Bulla ${service}. ${SIGNED}` },
    tags: groups.map((name) => ({ name, description: ROUTE_GROUPS[name] })),
    paths,
    components: {
      schemas: components.schemas,
      responses: { [EDGE]: problems(EDGE_PROBLEMS) },
      securitySchemes: { signature: SIGNATURE },
    },
  };
}

function operation(entry: RouteEntry, components: OpenapiComponents, problems: Problems): object {
  const parameters = [
    ...parametersOf(entry.params, 'path', components),
    ...parametersOf(entry.query, 'query', components),
    ...parametersOf(entry.headers, 'header', components),
  ];
  return {
    operationId: entry.name,
    tags: [groupOf(entry.name)],
    summary: entry.summary,
    security: entry.credential === 'signature' || entry.credential === 'enrolment' ? [{ signature: [] }] : [],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(entry.body === undefined ? {} : { requestBody: requestBody(components.use(entry.body, 'input')) }),
    responses: responsesOf(entry, components, problems),
  };
}

function requestBody(schema: JsonSchema): object {
  return { required: true, content: { 'application/json': { schema } } };
}

function parametersOf(schema: z.ZodObject | undefined, place: string, components: OpenapiComponents): object[] {
  if (schema === undefined) return [];
  return Object.entries(schema.shape).map(([name, member]) => ({
    name,
    in: place,
    // In a header or query everything is text; what is optional there, zod takes undefined for.
    required: place === 'path' || !z.safeParse(member as z.ZodType, undefined).success,
    schema: components.inline(member as z.ZodType, 'input'),
  }));
}

function responsesOf(entry: RouteEntry, components: OpenapiComponents, problems: Problems): Record<string, object> {
  const responses: Record<string, object> = { default: { $ref: `#/components/responses/${EDGE}` } };
  for (const [status, codes] of Map.groupBy(entry.problems, (code) => PROBLEMS[code].status))
    responses[status] = problems(codes);
  const content = contentOf(entry, components);
  for (const status of [entry.status, ...entry.otherStatuses]) {
    const isEmpty = status === 204 || status === 304;
    responses[status] = { description: entry.summary, ...(isEmpty || content === undefined ? {} : { content }) };
  }
  return responses;
}

function contentOf(entry: RouteEntry, components: OpenapiComponents): object | undefined {
  const content = {
    ...(entry.response && { [entry.contentType]: { schema: components.use(entry.response, 'output') } }),
    ...(entry.event && { 'text/event-stream': { schema: components.use(entry.event, 'output') } }),
    ...(entry.page && { 'text/html': {} }),
  };
  return Object.keys(content).length > 0 ? content : undefined;
}

/** The first code is the example. */
function problemResponse(codes: readonly ProblemCode[], problem: JsonSchema, origin: ServiceName): object {
  const [first] = codes;
  const schema = { allOf: [problem, { type: 'object', properties: { code: { type: 'string', enum: codes } } }] };
  return {
    description: codes.map((code) => `${code}: ${PROBLEMS[code].title}`).join('\n\n'),
    content: { 'application/problem+json': { schema, ...(first && { example: exampleOf(first, origin) }) } },
  };
}

function exampleOf(code: ProblemCode, origin: ServiceName): ProblemDocument {
  return problemDocument(new Problem(code), { requestId: '01k9z3q8e4fxq9m3y7t5w6v8na', origin, nowMs: EXAMPLE_MS });
}

function accessOf({ permission, public: why }: RouteEntry): string {
  return permission === undefined ? `Public: ${why}.` : `Needs the permission ${permission}.`;
}

/** How somebody at a terminal sends it: a page in a browser has no key to sign with. */
function sentBy(entry: RouteEntry, service: ServiceName): string {
  if (entry.command !== undefined) return `\`${entry.command}\` sends it.`;
  return ['```sh', commandLine(entry, service), '```'].join('\n');
}
