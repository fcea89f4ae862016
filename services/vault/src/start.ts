import { readFileSync } from 'node:fs';
import type { Environment, Service } from '@bulla/service-kit';
import {
  bootstrapSecretSetting,
  connectDatabase,
  databaseUrlSetting,
  edgeSettings,
  EventLog,
  hostSetting,
  logFormatSetting,
  logLevelSetting,
  migrateSetting,
  openEdge,
  pathSetting,
  portSetting,
  publicUrlSetting,
  readKeyFile,
  readSettings,
  ServiceKeys,
} from '@bulla/service-kit';
import { vaultMigrations } from './database/migrations.js';
import type { VaultTables } from './database/types.js';
import { createVault } from './vault.js';

/** What it takes from the environment. */
export const vaultSettings = {
  // A vault of its own always has a server: the embedded database is for both services in one process.
  BULLA_DATABASE_URL: databaseUrlSetting.unwrap().describe('a URL such as postgresql://user@host:5432/database'),
  BULLA_HOST: hostSetting,
  BULLA_VAULT_PORT: portSetting(4100),
  BULLA_METRICS_PORT: portSetting(9464),
  BULLA_PUBLIC_URL: publicUrlSetting,
  BULLA_KEYS_FILE: pathSetting,
  BULLA_BOOTSTRAP_SECRET: bootstrapSecretSetting,
  BULLA_LOG_LEVEL: logLevelSetting,
  BULLA_LOG_FORMAT: logFormatSetting,
  BULLA_MIGRATE: migrateSetting,
  ...edgeSettings,
};

/**
 * Starts a vault on its own, from an environment that is read here and nowhere else.
 * @returns when it listens; closing it closes its database and its Redis too.
 * @throws {SettingsError} naming every bad setting
 * @throws {KeyFileError}
 */
export async function startVault(environment: Environment): Promise<Pick<Service, 'close'>> {
  const settings = readSettings(vaultSettings, environment);
  const keys = await ServiceKeys.load(await readKeyFile(settings.BULLA_KEYS_FILE));
  const log = new EventLog({ service: 'vault', level: settings.BULLA_LOG_LEVEL, format: settings.BULLA_LOG_FORMAT });
  const url = settings.BULLA_DATABASE_URL;
  const database = connectDatabase<VaultTables>({
    from: { url },
    schema: 'vault',
    migrations: vaultMigrations,
    log,
    poolMax: settings.BULLA_DATABASE_POOL,
  });
  const production = environment['NODE_ENV'] === 'production';
  let edge: Awaited<ReturnType<typeof openEdge>> | undefined;
  let service: Service | undefined;
  try {
    edge = await openEdge(settings, { service: 'vault', production, log });
    await database.migrate(settings.BULLA_MIGRATE);
    service = await createVault({
      version: packageVersion(),
      database,
      keys,
      bootstrapSecrets: settings.BULLA_BOOTSTRAP_SECRET,
      ...edge,
      log,
      listen: { host: settings.BULLA_HOST, port: settings.BULLA_VAULT_PORT, metricsPort: settings.BULLA_METRICS_PORT },
      publicUrls: settings.BULLA_PUBLIC_URL,
    });
    await service.listen();
    return closingAll(service, edge.store, database);
  } catch (error) {
    await service?.close();
    await edge?.store.close();
    await database.close();
    throw error;
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function closingAll(service: Service, ...used: { close(): Promise<void> }[]): Pick<Service, 'close'> {
  return {
    async close() {
      try {
        await service.close();
      } finally {
        for (const one of used) await one.close();
      }
    },
  };
}
