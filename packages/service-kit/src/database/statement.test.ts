import { describe, expect, it } from '@jest/globals';
import { databaseForTest, pgliteForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import { EventLog } from '../observe/event-log.js';
import { connectDatabase } from './database.js';
import { openPglite } from './database-types.js';
import { Statement } from './statement.js';

interface Tables {
  thing: { id: number; name: string | null };
}

const log = new EventLog({ service: 'tiny', level: 'silent' });

async function open(): Promise<{ db: ReturnType<typeof connectDatabase<Tables>>; close: () => Promise<void> }> {
  const server = await databaseForTest({ empty: true });
  if (server.url !== undefined) {
    const db = connectDatabase<Tables>({ from: { url: server.url }, schema: 'tiny', migrations: {}, log });
    return { db, close: () => db.close().then(() => server.drop()) };
  }
  const { dataDir, remove } = pgliteForTest({ empty: true });
  const pglite = await openPglite(dataDir);
  const db = connectDatabase<Tables>({ from: { pglite }, schema: 'tiny', migrations: {}, log });
  return {
    db,
    close: () =>
      db
        .close()
        .then(() => pglite.close())
        .then(remove),
  };
}

describe('a statement', () => {
  it('is built once and run with what is given, in the order of its text', async () => {
    const { db, close } = await open();
    await sql`create schema tiny`.execute(db.db);
    await sql`create table tiny.thing (id integer, name text)`.execute(db.db);
    let built = 0;
    const add = new Statement<Tables, { name: string | null; $of: { id: number } }, { id: number }>((to, given) => {
      built++;
      return to.insertInto('thing').values({ id: given.$of.id, name: given.name }).returning('id');
    });
    const find = new Statement<Tables, { ids: number[]; least: number }, { name: string | null }>((from, given) =>
      from
        .selectFrom('thing')
        .select('name')
        .where('id', '=', sql<number>`any(${given.ids}::integer[])`)
        .where('id', '>=', given.least)
        .where('id', '<', 100)
        .orderBy('id'),
    );
    expect(await add.run(db.db, { name: 'one', $of: { id: 1 } })).toEqual([{ id: 1 }]);
    expect(await add.run(db.db, { name: null, $of: { id: 2 } })).toEqual([{ id: 2 }]);
    expect(built).toBe(1);
    expect(await find.run(db.db, { ids: [1, 2, 3], least: 1 })).toEqual([{ name: 'one' }, { name: null }]);
    expect(await find.run(db.db, { ids: [1, 2], least: 2 })).toEqual([{ name: null }]);
    const spread = new Statement<Tables, { least: number }, { name: string | null }>((from, { ...given }) =>
      from.selectFrom('thing').select('name').where('id', '>=', given.least),
    );
    await expect(spread.run(db.db, { least: 1 })).rejects.toThrow('without a place for one of its values');
    await close();
  });
});
