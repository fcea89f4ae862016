// Jest's parent process: makes once per run what tests get copies of, and removes it when the run ends.
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, chmod, mkdir, rename, rm } from 'node:fs/promises';
import { connectDatabase, EventLog, openPglite } from '@bulla/service-kit';
import { responderMigrations } from '@bulla/responder';
import { prepareTestRun } from '@bulla/testkit';
import { vaultMigrations } from '@bulla/vault';
import { repository } from '../workspaces.mjs';

/** Where a new embedded database is kept, which takes seconds to make and depends on nothing but the version of PGlite. */
const KEPT = `${repository}/node_modules/.cache/bulla`;
/** PostgreSQL takes 128 MB for its own cache otherwise, and clears all of it at each start: a third of a start. */
const SMALL_CACHE = 'shared_buffers = 16MB';
const silent = new EventLog({ service: 'tests', level: 'silent' });

export default async function setUp() {
  const end = await prepareTestRun({
    migrateServer: (url) => migrate({ url }),
    newPglite,
    async migratePglite(dataDir) {
      const pglite = await openPglite(dataDir);
      await migrate({ pglite });
      await pglite.close();
    },
    complain: (message) => process.stderr.write(`${message}\n`),
  });
  globalThis[Symbol.for('bulla.end-of-run')] = end;
  // Jest itself ends at once, without its teardown.
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
    process.once(signal, () => void end().finally(() => process.exit(code)));
  }
}

async function migrate(from) {
  for (const [schema, migrations] of Object.entries({ vault: vaultMigrations, responder: responderMigrations })) {
    const database = connectDatabase({ from, schema, migrations, log: silent });
    await database.migrate();
    await database.close();
  }
}

/** Made by the first run that wants it. */
async function newPglite() {
  const { version } = JSON.parse(readFileSync(`${repository}/node_modules/@electric-sql/pglite/package.json`, 'utf8'));
  const folder = `${KEPT}/pglite-${version}-small`;
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(KEPT, { recursive: true });
  await (await openPglite(unfinished)).close();
  await appendFile(`${unfinished}/postgresql.conf`, `${SMALL_CACHE}\n`);
  // As `bulla up` makes it.
  await chmod(unfinished, 0o700);
  // Another run may have been faster.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true, force: true }));
  return folder;
}
