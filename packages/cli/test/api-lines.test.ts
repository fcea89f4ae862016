import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EDGE_PROBLEMS, problemsOf, ROUTES } from '@bulla/contract';
import type { Route, RouteName } from '@bulla/contract';
import type { Running } from './world.js';
import { World } from './world.js';

// The pages of the interface show for each operation the line that sends it: each is typed as it stands there.

const LOCAL = 'urn:bulla:dev:svc:responder:local';
const names = Object.keys(ROUTES) as RouteName[];
const of = (name: RouteName): Route => ROUTES[name];
const ofVault = names.filter((name) => of(name).service !== 'responder');
const ofResponder = names.filter((name) => of(name).service !== 'vault');

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId: string; description: string }>>>>;
}

let world: World;
let running: Running;
let pages: Readonly<Record<'vault' | 'responder', ReadonlyMap<string, string>>>;
beforeAll(async () => {
  world = await World.make();
  running = await world.up('organisation');
  pages = { vault: await descriptions(), responder: await descriptions('--responder', LOCAL) };
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

/** What the page of a service says of each operation, by its name. */
async function descriptions(...options: string[]): Promise<Map<string, string>> {
  const { stdout } = await world.done(['api', 'GET', '/api/openapi.json', ...options]);
  const { paths } = JSON.parse(stdout) as Document;
  const operations = Object.values(paths).flatMap((one) => Object.values(one));
  return new Map(operations.map(({ operationId, description }) => [operationId, description]));
}

/** As a shell parts it: what stands between single quotes is one word. */
const wordsOf = (line: string) => (line.match(/(?:[^\s']|'[^']*')+/g) ?? []).map((word) => word.replaceAll("'", ''));

/** Types the line of an operation. @returns `sent`, or what was wrong with it */
async function outcomeOf(name: RouteName, page: ReadonlyMap<string, string>): Promise<string> {
  const { method, command } = of(name);
  const described = page.get(name) ?? '';
  if (command !== undefined) return described.includes(`\`${command}\` sends it.`) ? 'sent' : described;
  const [, line = ''] = /^```sh\n(.+)\n```$/m.exec(described) ?? [];
  const [program, ...argv] = wordsOf(line.replace('urn:bulla:acme:svc:responder:eu1', LOCAL));
  if (program !== 'bulla') return described;
  // The sender has to write the body.
  if (argv.includes('--input')) return line.startsWith(`bulla api ${method} /`) ? 'sent' : line;
  const { code, stderr } = await world.bulla(argv);
  if (/that is not what|there is no (?:GET|POST|PUT|DELETE)/.test(stderr)) return stderr;
  // The examples are of another organisation: what they name is not there, and their tokens are not valid. The line is
  // good all the same: the command sends it, and the service says why it refuses it. A public route says so unsigned.
  const told = [...stderr.matchAll(/\(([a-z_]+)\)/g)].map(([, one]) => one);
  const declared = [...problemsOf(of(name)), ...EDGE_PROBLEMS];
  return code === 0 || declared.some((one) => told.includes(one)) ? 'sent' : stderr;
}

describe.each([
  ['vault', ofVault],
  ['responder', ofResponder],
] as const)('at the %s', (service, routes) => {
  it.each(routes)('%s', async (name) => {
    expect(await outcomeOf(name, pages[service])).toBe('sent');
  });
});

it('a line with a mistake is seen', async () => {
  expect(wordsOf("bulla api GET /x -F tags='[1, 2]'")).toEqual(['bulla', 'api', 'GET', '/x', '-F', 'tags=[1, 2]']);
  const wrong = new Map([['prompt.list', '```sh\nbulla api GET /api/v1/prompts -f limit=x\n```']]);
  expect(await outcomeOf('prompt.list', wrong)).toContain('that is not what GET /api/v1/prompts takes');
  expect(await outcomeOf('prompt.list', new Map())).toBe('');
});
