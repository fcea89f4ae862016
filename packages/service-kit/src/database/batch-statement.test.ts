import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseForTest, pgliteForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import { EventLog } from '../observe/event-log.js';
import { BatchStatement, givenAt } from './batch-statement.js';
import { connectDatabase } from './database.js';
import { openPglite } from './database-types.js';

interface Tables {
  readonly nothing: { readonly id: number };
}
interface Given {
  readonly text: string | null;
  readonly count: number;
}

const log = new EventLog({ service: 'tiny', level: 'silent' });
const SAID = new BatchStatement<Tables, Given, { at: number; text: string | null; count: number }>((db, given, rows) =>
  db
    .selectFrom(sql<{ at: number }>`(${rows})`.as('given'))
    .select([
      givenAt.as('at'),
      sql<string | null>`${given.text}`.as('text'),
      sql<number>`${given.count}::int8`.as('count'),
    ]),
);

describe.each(['server', 'embedded'] as const)('rows that are given together to the %s database', (kind) => {
  let db: ReturnType<typeof connectDatabase<Tables>>;
  let close: () => Promise<unknown>;
  beforeAll(async () => {
    const server = kind === 'server' ? await databaseForTest({ empty: true }) : undefined;
    const { dataDir, remove } = pgliteForTest({ empty: true });
    const pglite = server?.url === undefined ? await openPglite(dataDir) : undefined;
    const from = pglite === undefined ? { url: server?.url ?? '' } : { pglite };
    db = connectDatabase<Tables>({ from, schema: 'tiny', migrations: {}, log });
    close = async () => {
      await db.close();
      await pglite?.close();
      await remove();
      await server?.drop();
    };
  });
  afterAll(() => close());
  const said = async (...texts: (string | null)[]) => {
    const rows = texts.map((text, count) => ({ text, count }));
    const found = await SAID.run(db.db, rows, { lockTimeoutMs: 1_000 });
    expect(found.map((row) => [row?.at, row?.count])).toEqual(texts.map((_, count) => [count + 1, count]));
    return found.map((row) => row?.text);
  };

  it.each([
    ['one', ['text']],
    ['one that is empty', ['']],
    ['one that is not there', [null]],
    ['several, empty ones and none among them', ['', null, 'a', '', null]],
    ['JSON', ['{"a":["b\\"c","d\\\\"],"é":"\\u001f"}', '{}']],
    ['what means something in an array or to SQL', ['a,b', '{a,"b"}', 'NULL', "it's", '\\x00', 'a\nb', '%']],
    ['what is not ASCII', ['größer', '\u{1f511}', '\u2028']],
    ['many', Array.from({ length: 300 }, (_, index) => `value ${index}`)],
  ])('are what was given: %s', async (_name, texts) => {
    expect(await said(...texts)).toEqual(texts);
  });

  it.each(['\u001e', '\u001f', 'a\u001fb'])(
    'are refused where one would be taken for two, or for none: %j [guard: batch-separators]',
    async (text) => {
      await expect(said('a', text)).rejects.toThrow('a value that separates values: text');
    },
  );
});
