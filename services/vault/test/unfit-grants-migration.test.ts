import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectDatabase, EventLog } from '@bulla/service-kit';
import type { VaultTables } from '../src/index.js';
import { vaultMigrations } from '../src/index.js';
import type { Store } from './running-vault.js';
import { openStore } from './running-vault.js';

// A database that was migrated when one poster alone could be barred for the same bytes.

const NEXT = 'm0025-deleted-grants';

describe.each<Store>(['PostgreSQL', 'PGlite'])('unfit grants of before on %s', (store) => {
  const log = new EventLog({ service: 'vault', level: 'error', stream: { write: () => undefined } });
  let opened: Awaited<ReturnType<typeof openStore>>;
  const connect = (migrations: typeof vaultMigrations) =>
    connectDatabase<VaultTables>({ from: opened.from, schema: 'vault', migrations, log });

  beforeAll(async () => {
    opened = await openStore(store, { empty: true });
  });
  afterAll(() => opened.drop());

  it('stay, and bar each who posts the same bytes from then on', async () => {
    const old = connect(Object.fromEntries(Object.entries(vaultMigrations).filter(([name]) => name < NEXT)));
    await old.migrate();
    await old.db.insertInto('organisation').values({ org: 'acme', pin: 'p', bootstrap_sha256: 'b' }).execute();
    await old.db.insertInto('prompt').values({ id: 'prm_1', org: 'acme', name: 'a/b', type: 'text' }).execute();
    const version = { prompt_id: 'prm_1', version: 1, org: 'acme' };
    await old.db
      .insertInto('prompt_version')
      .values({ ...version, chash: 'c', content: 't', dek_id: 'd', author_kid: 'k', author_urn: 'u' })
      .execute();
    const unfit = (poster: string) => ({
      ...version,
      kid: 'k',
      poster_urn: poster,
      poster_kid: 'p',
      aud: 'a',
      whash: 'w',
    });
    const insert = (on: typeof old, poster: string) => on.db.insertInto('unfit_grant').values(unfit(poster)).execute();
    await insert(old, 'one');
    await expect(insert(old, 'two')).rejects.toMatchObject({ code: '23505' });
    await old.close();

    const now = connect(vaultMigrations);
    await now.migrate();
    await insert(now, 'two');
    const rows = await now.db.selectFrom('unfit_grant').select('poster_urn').orderBy('poster_urn').execute();
    expect(rows.map(({ poster_urn }) => poster_urn)).toEqual(['one', 'two']);
    await now.close();
  });
});
