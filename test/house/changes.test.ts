import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { repository } from '../../scripts/workspaces.mjs';
import type { Plant } from './compiled.js';
import { complaints, planted } from './compiled.js';

// CONTRIBUTING.md says for each kind of change which files it touches. Here changes are begun, as far as the first file,
// and the compiler has to name the next one.

const PROBLEMS = 'packages/contract/src/http/problem-record.ts';
const ROUTES = 'packages/contract/src/routes.ts';
const SERVICE = 'packages/service-kit/src/running-service.ts';

interface Change extends Plant {
  /** As the table has it. */
  readonly row: string;
  /** What the compiler then says, and of which files. */
  readonly said: readonly (readonly [file: string, words: string])[];
}

const CHANGES: readonly Change[] = [
  {
    row: 'a problem code',
    file: PROBLEMS,
    instead: '  unauthenticated: {',
    by: `  planted: { status: 400, retryable: false, exit: 'error', title: 'Planted.' },
  unauthenticated: {`,
    said: [['packages/cli/src/output/hints.ts', `Property 'planted' is missing`]],
  },
  {
    row: 'an exit code of the command',
    file: 'packages/contract/src/http/problem-entry.ts',
    instead: `  | 'notReady'`,
    by: `  | 'notReady'\n  | 'plantedExit'`,
    said: [['packages/cli/src/output/exit-code.ts', `Property 'plantedExit' is missing`]],
  },
  {
    row: 'a suite',
    file: 'packages/crypto/src/keys/suites.ts',
    instead: '  ed25519: {',
    by: `  planted: { id: 'planted', strength: 128, sign: 'ES256', seal: 'PLANTED+KW', keys: P256_KEYS, documents: false },
  ed25519: {`,
    said: [['packages/crypto/src/keys/open/unwrapping.ts', `Property '"PLANTED+KW"' is missing`]],
  },
  {
    row: 'a role',
    file: 'packages/crypto/src/names/roles.ts',
    instead: `'renewer'] as const`,
    by: `'renewer', 'planted'] as const`,
    said: [['packages/contract/src/roles.test.ts', `Property 'planted' is missing`]],
  },
  {
    row: 'a route',
    file: ROUTES,
    instead: `  'prompt.get': {`,
    by: `  'planted.get': {
    ...read,
    path: '/api/v1/planted',
    summary: 'Read a plant',
    permission: 'prompt.read',
    response: Prompt,
  },
  'prompt.get': {`,
    said: [
      ['packages/contract/src/events.ts', `Property '"planted.get"' is missing`],
      ['packages/contract/src/http/route-groups.ts', `Property 'planted' is missing`],
    ],
  },
  {
    row: 'a model upstream',
    file: 'services/responder/src/models/model-settings.ts',
    instead: `  | { readonly kind: 'echo' };`,
    by: `  | { readonly kind: 'echo' }\n  | { readonly kind: 'planted'; readonly url: string };`,
    said: [['services/responder/src/models/open-models.ts', `"planted"' is not assignable to type '"openai"'`]],
  },
  {
    row: 'a field of the envelope',
    file: 'packages/crypto/src/run/envelope.ts',
    instead: `  prm: promptRefSchema,`,
    by: `  prm: promptRefSchema,\n  planted: z.string(),`,
    said: [['services/vault/src/envelopes/envelope-mint.ts', `Property 'planted' is missing`]],
  },
  {
    row: 'a column',
    file: 'services/vault/src/database/types.ts',
    instead: `    kind: 'root' | 'policy' | 'directory';`,
    by: `    kind: 'root' | 'policy' | 'directory';\n    planted: string;`,
    said: [['services/vault/src/organisations/organisations.service.ts', `Property 'planted' is missing`]],
  },
  {
    row: 'a log event',
    file: SERVICE,
    instead: `const SERVICE_STOPPING = new LogEvent('service-stopping', 'info');`,
    by: `const SERVICE_STOPPING = new LogEvent<{ planted: number }>('service-stopping');`,
    said: [[SERVICE, `Expected 2 arguments, but got 1`]],
  },
];

const page = readFileSync(`${repository}/CONTRIBUTING.md`, 'utf8');
const [, table = ''] = /\n## To change X, touch Y\n([^]*?)\n## /.exec(page) ?? [];
/** What the table says that a change touches and what says so, by the change. */
const rows = new Map(
  [...table.matchAll(/^\| (an? [^|]+?) \| (.+) \|$/gm)].map(([, row = '', cells = '']) => [row, cells]),
);
/** Files and folders that a text names by their path. */
const pathsOf = (text: string) =>
  [...text.matchAll(/`((?:packages|services|scripts|test|docs)\/[^`]+)`/g)].map(([, path = '']) => path);

const named = [...new Set(CHANGES.flatMap(({ said }) => said.map(([file]) => file)))];

function isSaid(complaint: string, [file, words]: Change['said'][number]): boolean {
  return complaint.startsWith(`${file}: `) && complaint.includes(words);
}

describe('a change that ends with its first file does not compile', () => {
  let found: string[];
  beforeAll(() => {
    found = complaints(named, planted(CHANGES));
  });

  it.each(CHANGES)('$row', ({ said }) => {
    expect(said.filter((words) => !found.some((one) => isSaid(one, words)))).toEqual([]);
  });

  it('and nothing else is said', () => {
    const expected = CHANGES.flatMap(({ said }) => said);
    const others = found.filter((one) => !expected.some((words) => isSaid(one, words)));
    expect(others.filter((one) => !/planted/i.test(one))).toEqual([]);
    expect(complaints(named)).toEqual([]);
  });
});

describe('the table of changes', () => {
  it('names files that are there', () => {
    expect([...rows.keys()]).toHaveLength(14);
    const paths = pathsOf(table);
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !existsSync(`${repository}/${path}`))).toEqual([]);
    expect(pathsOf('`test/gone.ts` and gone.ts').filter((path) => !existsSync(`${repository}/${path}`))).toHaveLength(
      1,
    );
  });

  it.each(CHANGES)(
    'has a row for $row, with the file that it begins with and those that are named',
    ({ row, file, said }) => {
      const paths = pathsOf(rows.get(row) ?? '');
      expect([file, ...said.map(([path]) => path)].filter((path) => !paths.includes(path))).toEqual([]);
    },
  );
});
