import { readFileSync } from 'node:fs';
import type { Environment } from '@bulla/service-kit';
import {
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
  pinSetting,
  portSetting,
  publicUrlSetting,
  readKeyFile,
  readSettings,
  ServiceKeys,
  urlSetting,
} from '@bulla/service-kit';
import { responderMigrations } from './database/migrations.js';
import type { ResponderTables } from './database/types.js';
import { answerLimitsOf, runLimitsOf, runSettings } from './invocations/run-settings.js';
import { warnOfFreedMemory } from './memory/freed-memory.js';
import { createModel, modelSettings } from './models/model-settings.js';
import { loadUnwrappers } from './opener/unwrappers.js';
import { createResponder } from './responder.js';

/** What it takes from the environment. */
export const responderSettings = {
  // A responder of its own always has a server: what it must not run twice has to outlive it.
  BULLA_DATABASE_URL: databaseUrlSetting.unwrap().describe('a URL such as postgresql://user@host:5432/database'),
  BULLA_HOST: hostSetting,
  BULLA_RESPONDER_PORT: portSetting(4200),
  BULLA_METRICS_PORT: portSetting(9465),
  BULLA_PUBLIC_URL: publicUrlSetting,
  BULLA_VAULT_URL: urlSetting,
  BULLA_PIN: pinSetting,
  BULLA_KEYS_FILE: pathSetting,
  BULLA_LOG_LEVEL: logLevelSetting,
  BULLA_LOG_FORMAT: logFormatSetting,
  BULLA_MIGRATE: migrateSetting,
  ...edgeSettings,
  ...runSettings,
  ...modelSettings,
};

/** A responder that serves; closing it drains it, then closes its Redis and its database. */
export interface Started {
  close(): Promise<void>;
}

/**
 * Starts a responder on its own, from an environment that is read here and nowhere else.
 * @returns when it listens.
 * @throws {SettingsError} naming every bad setting
 * @throws {KeyFileError}
 */
export async function startResponder(environment: Environment): Promise<Started> {
  const settings = readSettings(responderSettings, environment);
  const file = await readKeyFile(settings.BULLA_KEYS_FILE);
  const log = new EventLog({
    service: 'responder',
    level: settings.BULLA_LOG_LEVEL,
    format: settings.BULLA_LOG_FORMAT,
  });
  warnOfFreedMemory(environment, log);
  const url = settings.BULLA_DATABASE_URL;
  const database = connectDatabase<ResponderTables>({
    from: { url },
    schema: 'responder',
    migrations: responderMigrations,
    log,
    poolMax: settings.BULLA_DATABASE_POOL,
  });
  const production = environment['NODE_ENV'] === 'production';
  let edge: Awaited<ReturnType<typeof openEdge>> | undefined;
  try {
    const opened = await openEdge(settings, { service: 'responder', production, log });
    edge = opened;
    await database.migrate(settings.BULLA_MIGRATE);
    const service = await createResponder({
      version: packageVersion(),
      database,
      keys: await ServiceKeys.load(file),
      unwrappers: await loadUnwrappers(file),
      pin: settings.BULLA_PIN,
      vaultUrl: settings.BULLA_VAULT_URL,
      ...edge,
      model: createModel(settings),
      runLimits: runLimitsOf(settings),
      answerLimits: answerLimitsOf(settings),
      log,
      listen: {
        host: settings.BULLA_HOST,
        port: settings.BULLA_RESPONDER_PORT,
        metricsPort: settings.BULLA_METRICS_PORT,
      },
      publicUrls: settings.BULLA_PUBLIC_URL,
    });
    await service.listen();
    return {
      async close() {
        try {
          await service.close();
        } finally {
          await opened.store.close();
          await database.close();
        }
      },
    };
  } catch (error) {
    await edge?.store.close();
    await database.close();
    throw error;
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
