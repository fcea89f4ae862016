import { readFile, writeFile } from 'node:fs/promises';
import { Home, prepareDevelopment } from '@bulla/client/node';
import { folderForTest } from '@bulla/testkit';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { HomeDatabase } from './home-database.js';
import type { FoundDatabase } from './standalone-package.js';

let home: Home;
let pin: string;
beforeEach(async () => {
  home = new Home(folderForTest('home-database'));
  const nowhere = { vaultUrl: 'http://127.0.0.1:1', responderUrl: 'http://127.0.0.1:2' };
  ({ pin } = await prepareDevelopment(home, { ...nowhere, now: Math.floor(Date.now() / 1000), suite: 'p256' }));
});

const database = (found: Partial<FoundDatabase> & { readonly pin?: string | undefined } = {}): FoundDatabase => ({
  place: 'db.example:5432/bulla',
  mark: undefined,
  pinOf: () => Promise.resolve(found.pin),
  ...found,
});

/** Starts on a database, to the end. */
async function start(found: FoundDatabase, accepts = false): Promise<{ mark: string; isAnother: boolean }> {
  const own = new HomeDatabase(home, { accepts });
  const mark = await own.recognise(found);
  await own.remember();
  return { mark, isAnother: own.isAnother };
}

describe('a home without a mark', () => {
  it('takes that of its database, or gives it one', async () => {
    const { mark, isAnother } = await start(database({ mark: 'm', pin }));
    expect([mark, isAnother]).toEqual(['m', false]);
    expect(JSON.parse(await readFile(home.path('database.id'), 'utf8'))).toEqual({
      id: 'm',
      place: 'db.example:5432/bulla',
    });
    expect((await start(database({ mark: 'm', pin, place: 'elsewhere:1/x' }))).isAnother).toBe(false);
    expect(await new HomeDatabase(home, { accepts: false }).lastPlace()).toBe('elsewhere:1/x');
  });

  it('gives a new database a mark of its own', async () => {
    const { mark } = await start(database());
    expect(mark).toMatch(/^[0-9a-f-]{36}$/);
    expect(await start(database({ mark, pin }))).toEqual({ mark, isAnother: false });
  });

  it('of before there were marks takes the database that holds its organisation, and no empty one', async () => {
    await writeFile(home.path('database'), 'a-hash');
    await expect(start(database())).rejects.toMatchObject({ exitCode: 3 });
    expect((await start(database({ pin }))).isAnother).toBe(false);
    expect(await home.read('database')).toBeUndefined();
  });
});

describe('a home with a mark', () => {
  it.each([
    ['another mark', { mark: 'other' }],
    ['no mark', {}],
  ])('refuses a database with %s, and takes it where that is meant [guard: home-database]', async (_name, found) => {
    await start(database({ mark: 'm', pin, place: 'embedded' }));
    await expect(start(database({ ...found, pin }))).rejects.toMatchObject({
      message: `${home.folder} worked with the embedded database until now, and this is the database db.example:5432/bulla`,
      hint: 'unset BULLA_DATABASE_URL; if the change is meant: bulla up --database-changed (prompts are not moved)',
    });
    const { mark, isAnother } = await start(database({ ...found, pin }), true);
    expect([mark === 'm', isAnother]).toEqual([false, true]);
    expect((await start(database({ mark, pin }))).isAnother).toBe(false);
  });

  it('says of a file that is broken what mends it', async () => {
    await writeFile(home.path('database.id'), '{"id":1}');
    await expect(start(database())).rejects.toThrow('cannot be read; restore it, or remove it');
  });
});

it.each([false, true])(
  'refuses a database with the organisation of another home, whatever is meant (%s) [guard: home-organisation]',
  async (accepts) => {
    await expect(start(database({ pin: 'sha256:other' }), accepts)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('belongs to another home folder: its organisation dev has the pin sha256:other'),
    });
    expect(await home.read('database.id')).toBeUndefined();
  },
);
