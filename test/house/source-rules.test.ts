import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository, workspaces } from '../../scripts/workspaces.mjs';
import {
  asksForCustody,
  auditedByDetour,
  breaches,
  decipherWithoutTagLength,
  environmentByDetour,
  exportsAll,
  globalsOfNode,
  injectsTypes,
  isBarrel,
  modeOfRunning,
  Source,
  type SourceRule,
  testsToDo,
  timesOfSessions,
} from './source-rules.js';

const code = sourceFiles().filter((file) => /\.(ts|mjs|cjs|js)$/.test(file));
const product = code.filter(
  (file) => /^(packages|services)\/[^/]+\/(src|bin)\//.test(file) && !file.endsWith('.test.ts'),
);
/** The one that writes rows of the audit log. */
const OUTBOX = 'packages/service-kit/src/audit/outbox.ts';
/** The outbox, the sequencer's tables, and the migration that brings what was there before. */
const LOG_WRITERS = [
  OUTBOX,
  'packages/service-kit/src/audit-log/log.repository.ts',
  'packages/service-kit/src/audit-log/begin/log-begin.repository.ts',
  'packages/service-kit/src/audit-log/log-migration.ts',
];
/** The three that ask in whose custody a name is, and the one that answers. Responders ask where statements are verified. */
const ASK_FOR_CUSTODY = [
  'packages/crypto/src/prompt/statement.ts',
  'packages/client/src/prompts/custody.ts',
  'services/vault/src/managed/custody/managed-custody.ts',
];
const CUSTODY = 'packages/crypto/src/organisation/policy.ts';
const entries = workspaces().flatMap(({ folder }) => entriesOf(folder));

/** A rule, the files it holds for, code that breaks it once each, and code that keeps it. */
const RULES: readonly [name: string, SourceRule, files: string[], broken: string[], kept: string[]][] = [
  [
    'exports by name',
    exportsAll,
    code,
    [`export * from './a.js';`, `export * as all from './a.js';`],
    [`export { a } from './a.js';`, `export const star = '*';`],
  ],
  [
    'has no barrel file inside a package',
    isBarrel,
    product.filter((file) => !entries.includes(file)),
    [`export { a } from './a.js';`, `import './b.js'; export type { a } from './a.js';`],
    [`import { a } from './a.js'; export const b = a;`],
  ],
  [
    'names the tag length when it opens AES-GCM',
    decipherWithoutTagLength,
    code,
    [
      `createDecipheriv('aes-256-gcm', key, nonce);`,
      `crypto.createDecipheriv('aes-256-gcm', key, nonce, {});`,
      `createDecipheriv(name, key, nonce, options);`,
    ],
    [
      `createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });`,
      `createCipheriv('aes-256-gcm', key, nonce);`,
    ],
  ],
  [
    'reads the environment in one way',
    environmentByDetour,
    product,
    [`const { env } = process;`, `const e = process['env'];`, `const { env: e } = globalThis.process;`],
    [`const { env } = settings;`, `const code = process.exitCode;`],
  ],
  [
    'writes audit rows in one place',
    auditedByDetour,
    product.filter((file) => !LOG_WRITERS.includes(file)),
    [
      `await trx.insertInto('audit_outbox').values(row).execute();`,
      "db.with('changed', () => change).insertInto(`audit_outbox`);",
      `db.insertInto('audit_outbox as a');`,
      `trx.insertInto('audit_entry').values(rows);`,
      'await sql`insert into vault.audit_outbox (event) values (${event})`.execute(db);',
      `await client.query('INSERT INTO audit_outbox DEFAULT VALUES');`,
    ],
    [`db.selectFrom('audit_outbox').selectAll();`, `db.insertInto('http_nonce').values(row);`, `say('audit_outbox');`],
  ],
  [
    'counts hours in SQL, and cuts them in UTC, whatever the time zone of the database',
    timesOfSessions,
    product,
    [
      "sql`now() - interval '1 day'`;",
      'sql`now() - make_interval(days => ${days})`;',
      "sql`date_trunc('hour', ${since}::timestamptz)`;",
      "sql`date_trunc('day', at)`;",
      'sql`where at > current_date`;',
      'sql`select at::date`;',
    ],
    [
      "sql`now() - interval '24 hours'`;",
      'sql`now() - make_interval(hours => ${days * 24})`;',
      'sql`now() - make_interval(secs => ${seconds})`;',
      "sql`date_trunc('hour', ${since}::timestamptz, 'UTC')`;",
      "sql`date_trunc('second', now())`;",
    ],
  ],
  [
    'asks for custody in one place of each party',
    asksForCustody,
    product.filter((file) => ![...ASK_FOR_CUSTODY, CUSTODY].includes(file)),
    [
      `if (custodyOf(name, trust) === 'managed') open();`,
      `const rules = trust.policy.custody;`,
      `policy.custody['*'];`,
    ],
    [`const custody = statement.custody;`, `const { custody } = settings;`],
  ],
  [
    'is isomorphic where it says so',
    globalsOfNode,
    product.filter((file) =>
      /^packages\/(crypto|contract|client)\/src\/(?!node\/|platform\/(open\/)?platform-node[.]ts)/.test(file),
    ),
    [`Buffer.from('a');`, `globalThis.process.exit();`, `setImmediate(run);`],
    [`read({ process: 1 }.process);`],
  ],
  [
    'injects classes, not types',
    injectsTypes,
    product.filter((file) => file.startsWith('services/') || file.startsWith('packages/service-kit/')),
    [
      `import type { B } from './b.js'; @Injectable() export class A { constructor(private readonly b: B) {} }`,
      `import { type B } from './b.js'; @Controller('a') class A { constructor(b: B) {} }`,
    ],
    [
      `import { B } from './b.js'; @Injectable() export class A { constructor(private readonly b: B) {} }`,
      `import type { B } from './b.js'; export class A { constructor(private readonly b: B) {} }`,
    ],
  ],
  [
    'does not know whether it is tested',
    modeOfRunning,
    product,
    [
      `if (settings.NODE_ENV === 'test') stop();`,
      `read('NODE_ENV');`,
      `const isTest = environment['NODE_ENV'] !== 'production';`,
    ],
    [`const mode = 'stream';`, `const production = environment['NODE_ENV'] === 'production';`],
  ],
  [
    'has no test that is yet to be written',
    testsToDo,
    code.filter((file) => file.endsWith('.test.ts')),
    [`it.todo('opens');`, `test.todo('opens');`],
    [`list.todo('opens'); it('opens', () => {});`],
  ],
];

describe('source', () => {
  /** What was found of each rule. Every file is parsed once, and its tree is not kept. */
  const found = new Map<string, string[]>(RULES.map(([name]) => [name, []]));
  beforeAll(() => {
    const rules = RULES.map(([name, rule, files]) => ({ name, rule, files: new Set(files) }));
    for (const path of new Set(RULES.flatMap(([, , files]) => files))) {
      const file = new Source(path, readFileSync(`${repository}/${path}`, 'utf8'));
      for (const { name, rule, files } of rules) {
        if (files.has(path)) found.get(name)?.push(...breaches(rule, file));
      }
    }
  });

  it.each(RULES)('%s', (name, _rule, files) => {
    expect(files.length).toBeGreaterThan(0);
    expect(found.get(name)).toEqual([]);
  });

  it.each(RULES)('would notice: %s', (_name, rule, _files, broken, kept) => {
    const foundIn = (text: string) => breaches(rule, new Source('planted.ts', text));
    for (const text of broken) expect(foundIn(`\n${text}`)).toEqual(['planted.ts:2']);
    for (const text of kept) expect(foundIn(text)).toEqual([]);
  });

  it('finds the three statements of the outbox', () => {
    const outbox = new Source(OUTBOX, readFileSync(`${repository}/${OUTBOX}`, 'utf8'));
    expect(breaches(auditedByDetour, outbox)).toHaveLength(3);
  });

  it.each([...ASK_FOR_CUSTODY, CUSTODY])('asks for custody once: %s', (path) => {
    expect(breaches(asksForCustody, new Source(path, readFileSync(`${repository}/${path}`, 'utf8')))).toHaveLength(1);
  });

  it('has a name for every drawer', () => {
    const nameless = (file: string) => /(^|\/)(utils?|helpers?|common|shared|core|misc)(\.|\/)/.test(file);
    expect(code.filter(nameless)).toEqual([]);
    expect(['src/utils.ts', 'helpers/a.ts', 'src/misc/b.ts', 'common.test.ts'].every(nameless)).toBe(true);
  });
});

/** The files that a workspace's package.json exports, by path from the repository. */
function entriesOf(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(`${repository}/${folder}/package.json`, 'utf8')) as {
    exports: Record<string, { 'bulla-source': string }>;
  };
  return Object.values(manifest.exports).map((target) => `${folder}/${target['bulla-source'].slice(2)}`);
}
