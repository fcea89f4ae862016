import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectDatabase, EventLog } from '@bulla/service-kit';
import { sql } from 'kysely';
import { VaultDatabase } from '../src/database/vault-database.js';
import { LabelsRepository } from '../src/prompts/labels.repository.js';
import type { VaultTables } from '../src/index.js';
import { vaultMigrations } from '../src/index.js';
import type { Store } from './running-vault.js';
import { openStore } from './running-vault.js';

const LAST = '2026-11-28-label-positions';
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
/** A tag as it was before positions had a predecessor; nobody looks at its signature here. */
const earlier = (seq: number, ver: number, chash: string, kid: string) =>
  [
    encode({ alg: 'ES256', typ: 'bulla-tag+jwt', kid }),
    encode({
      iss: `urn:bulla:acme:dev:${kid}`,
      tag: 'latest',
      ver,
      chash,
      seq,
      iat: 1_800_000_000,
      exp: 1_800_604_800,
    }),
    'c2ln',
  ].join('.');

describe.each<Store>(['PostgreSQL', 'PGlite'])('labels of before on %s', (store) => {
  const log = new EventLog({ service: 'vault', level: 'error', stream: { write: () => undefined } });
  let opened: Awaited<ReturnType<typeof openStore>>;
  const connect = (migrations: typeof vaultMigrations) =>
    connectDatabase<VaultTables>({ from: opened.from, schema: 'vault', migrations, log });
  let old: ReturnType<typeof connect>;
  let database: ReturnType<typeof connect>;
  const tokens = [earlier(2, 1, 'C1', 'k1'), earlier(2, 1, 'C1', 'k2')];

  beforeAll(async () => {
    opened = await openStore(store, { empty: true });
    const before = Object.fromEntries(Object.entries(vaultMigrations).filter(([name]) => name < LAST));
    old = connect(before);
    await old.migrate();
    const insert = (table: string, row: Record<string, unknown>) =>
      sql`insert into ${sql.table(`vault.${table}`)} (${sql.join(Object.keys(row).map((name) => sql.ref(name)))})
        values (${sql.join(Object.values(row))})`.execute(old.db);
    await insert('organisation', { org: 'acme', pin: 'p', bootstrap_sha256: 'b' });
    await insert('prompt', { id: 'prm_1', org: 'acme', name: 'a/b', type: 'text' });
    const place = { org: 'acme', name: 'a/b', label: 'latest', prompt_id: 'prm_1' };
    await insert('prompt_label', { ...place, seq: 1, version: 0, tokens: JSON.stringify([earlier(1, 0, '', 'k1')]) });
    await insert('prompt_label', { ...place, seq: 2, version: 1, tokens: JSON.stringify(tokens) });
    const waits = { id: 'apr_1', seq: 3, version: 1, chash: 'C1', state: 'open', expires_at: new Date() };
    await insert('label_approval', { ...place, ...waits });
    database = connect(vaultMigrations);
    await database.migrate();
  });
  afterAll(async () => {
    await old.close();
    await database.close();
    await opened.drop();
  });

  it('keep their tags, and have no position that another could name', async () => {
    const positions = await database.db.selectFrom('prompt_label').selectAll().orderBy('seq').execute();
    expect(positions).toMatchObject([
      { seq: 1, version: 0, chash: '', pos: null, prev: null },
      { seq: 2, version: 1, chash: 'C1', pos: null, prev: null },
    ]);
    const kept = await database.db.selectFrom('prompt_label_tag').selectAll().where('seq', '=', 2).execute();
    expect(kept.map(({ token }) => token).toSorted()).toEqual(tokens.toSorted());
    const [one] = kept.filter(({ kid }) => kid === 'k1');
    expect(one).toMatchObject({
      device_urn: 'urn:bulla:acme:dev:k1',
      issued_at: new Date(1_800_000_000_000),
      expires_at: new Date(1_800_604_800_000),
    });
  });

  it('are among those that a renewer is shown', async () => {
    const labels = new LabelsRepository(new VaultDatabase(database.db));
    expect(await labels.standingPage('acme', undefined, 5)).toMatchObject([{ seq: 2, version: 1, pos: null }]);
    expect(await labels.standingPage('acme', ['a/b', 'latest'], 5)).toEqual([]);
  });

  it('wait for nobody', async () => {
    const waiting = await database.db.selectFrom('label_approval').select('state').execute();
    expect(waiting).toEqual([{ state: 'dropped' }]);
  });
});
