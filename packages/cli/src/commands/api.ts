import type { Command } from 'commander';
import type { Context } from '../context.js';
import { readText } from '../input/files.js';
import { UsageError } from '../input/usage-error.js';
import { collect } from './prompt/prompt.js';

interface ApiOptions {
  readonly field?: readonly string[];
  readonly jsonField?: readonly string[];
  readonly input?: string;
  readonly ifMatch?: string;
  readonly responder?: string;
}

const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'DELETE'];

/** `bulla api` */
export function addApiCommand(program: Command, context: Context): void {
  program
    .command('api <method> <path>')
    .description('send one signed request to the vault or a responder, and print the answer')
    .option('-f, --field <name=text>', 'a member of the body that is text; with GET and DELETE, of the query', collect)
    .option('-F, --json-field <name=json>', 'a member of the body that is a number, true, a list, …', collect)
    .option('--input <file>', 'the body, a JSON object; - for standard input')
    .option('--if-match <n>', 'the number of the state that a change is based on')
    .option('--responder <urn>', 'ask this responder')
    .option('--json', 'as without it: an answer in JSON is printed as JSON')
    .addHelpText(
      'after',
      `
/api/docs of a service lists every request. This command signs it with the key of this device, adds what each request
needs (time, digest, idempotency key), and verifies that the answer is signed by the service that was asked. What the
answer says is that service's word: no document or token in it is verified, and nothing is opened.

Examples:
  $ bulla api GET /api/v1/prompts -f prefix=claims/ -f limit=10
  $ bulla api GET '/api/v1/prompts/by-name?name=claims/triage'
  $ bulla api GET /health/ready --responder urn:bulla:dev:svc:responder:local`,
    )
    .action((method: string, path: string, options: ApiOptions) => call(context, method.toUpperCase(), path, options));
}

async function call(context: Context, method: string, path: string, options: ApiOptions): Promise<void> {
  const { io, out } = context;
  if (!METHODS.includes(method)) throw new UsageError(`expected one of ${METHODS.join(', ')}`);
  const hasBody = method === 'POST' || method === 'PUT';
  const fields = fieldsOf(options);
  if (!hasBody && (options.input !== undefined || (options.jsonField ?? []).length > 0))
    throw new UsageError(`a ${method} has no body`, 'give parts of its query with -f name=text');
  const input = options.input === undefined ? {} : objectIn(await readText(io, options.input));
  const bulla = await context.connect();
  const { text, isJson } = await bulla.call({
    method,
    path: hasBody ? path : withQuery(path, fields),
    body: hasBody ? { ...input, ...fields } : undefined,
    ifMatch: options.ifMatch === undefined ? undefined : requireNumber(options.ifMatch),
    responder: options.responder,
    signal: io.signal,
  });
  if (isJson && text !== '') out.json(JSON.parse(text));
  else out.text(text);
}

/** @throws {UsageError} that repeats no value */
function fieldsOf({ field = [], jsonField = [] }: ApiOptions): Record<string, unknown> {
  const fields = new Map<string, unknown>();
  const add = (option: string, expected: string, assignment: string, read: (text: string) => unknown) => {
    const at = assignment.indexOf('=');
    if (at < 1) throw new UsageError(`${option}: expected ${expected}`);
    const name = assignment.slice(0, at);
    if (fields.has(name)) throw new UsageError(`${option}: ${name} is given twice`);
    fields.set(name, read(assignment.slice(at + 1)));
  };
  for (const one of field) add('--field', 'name=text', one, (text) => text);
  for (const one of jsonField) add('--json-field', 'name=json', one, (text) => jsonIn('--json-field', text));
  return Object.fromEntries(fields);
}

function withQuery(path: string, fields: Readonly<Record<string, unknown>>): string {
  const search = new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return search.size === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${search.toString()}`;
}

function objectIn(text: string): Record<string, unknown> {
  const value = jsonIn('--input', text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError('--input: expected a JSON object');
  return value as Record<string, unknown>;
}

function jsonIn(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${option}: that is not JSON`);
  }
}

function requireNumber(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new UsageError('--if-match: expected a whole number');
}
