import { readFileSync } from 'node:fs';
import type { KeyFile } from '@bulla/crypto';
import type { Migration } from 'kysely/migration';
import type { RetentionDays } from './audit-log/retention/retention.js';
import type { LedgerTables } from './audit/ledger-tables.js';
import { readKeyFile, ServiceKeys } from './authentication/service-keys.js';
import type { Database } from './database/database.js';
import { connectDatabase } from './database/database.js';
import { databaseTrouble } from './database/database-trouble.js';
import type { EdgeOptions } from './edge/edge-options.js';
import { edgeSettings } from './edge/edge-settings.js';
import { openEdge } from './limits/open-store.js';
import { EventLog } from './observe/event-log.js';
import type { AskHidden } from './process/hidden-line.js';
import type { Environment, Settings, SettingsShape } from './process/settings.js';
import { readSettings } from './process/settings.js';
import {
  auditRetentionSetting,
  databaseUrlSetting,
  hostSetting,
  logFormatSetting,
  logLevelSetting,
  migrateSetting,
  folderSetting,
  pathSetting,
  portSetting,
  publicUrlSetting,
} from './process/setting-values.js';
import type { ServiceName } from './route/route-table.js';
import { trustAuthorities } from './tls/authorities.js';
import { caFileSetting } from './tls/tls-settings.js';
import type { ListenOptions, Service } from './service.js';

/** What every service is put together from, however it is started. */
export interface ServiceParts<Tables extends LedgerTables> extends EdgeOptions {
  readonly version: string;
  /** Migrated already; the service does not close it. */
  readonly database: Database<Tables>;
  /** Its name, and what it signs with. */
  readonly keys: ServiceKeys;
  /** Where they come from: what is put there is taken while the service runs. */
  readonly keysFile?: string | undefined;
  readonly log: EventLog;
  /** Folder of the marks of what was signed of the audit logs; it is made. */
  readonly auditMarks: string;
  /** How long entries of the audit logs are kept at least; for ever unless given. */
  readonly auditRetention?: RetentionDays | undefined;
  readonly listen: ListenOptions;
  /** What clients may sign for as authority; the loopback names of the port unless given. */
  readonly publicUrls?: readonly string[] | undefined;
}

/** What a service has found, and holds until it ends. */
export interface Found {
  close(): Promise<void>;
}

/** Of a service on its own all that is not the same for every other. */
export interface ServiceDefinition<
  Tables extends LedgerTables,
  Own extends SettingsShape,
  Looked extends Found | undefined = undefined,
> {
  readonly name: ServiceName;
  readonly version: string;
  readonly migrations: Readonly<Record<string, Migration>>;
  /** What it takes from the environment beside what every service does: its port among it. */
  readonly settings: Own;
  readonly metricsPort: number;
  portOf(settings: Settings<Own>): number;
  /** Looks at what it works with before anything in the database is made or changed. What it throws ends the start. */
  readonly look?: (database: Database<Tables>, settings: Settings<Own>, from: LookedFrom) => Promise<Looked>;
  /** Puts it together; it listens when told to. */
  create(
    parts: ServiceParts<Tables>,
    settings: Settings<Own>,
    from: StartedFrom & { readonly looked: Looked },
  ): Promise<Service>;
}

/** What a service may want to look at itself. */
export interface StartedFrom {
  readonly keyFile: KeyFile;
  readonly environment: Environment;
}

/** What a look before the start may need. */
export interface LookedFrom {
  readonly environment: Environment;
  readonly log: EventLog;
  /** Folder of the marks of what was signed: what changes beside the database. */
  readonly auditMarks: string;
  readonly production: boolean;
  /** How the person who started it is asked, where one sits at its terminal. */
  readonly ask: AskHidden | undefined;
}

const common = (metricsPort: number) => ({
  // A service of its own always has a server: the embedded database is for both services in one process.
  BULLA_DATABASE_URL: databaseUrlSetting.unwrap().describe('a URL such as postgresql://user@host:5432/database'),
  BULLA_HOST: hostSetting,
  BULLA_METRICS_PORT: portSetting(metricsPort),
  BULLA_PUBLIC_URL: publicUrlSetting,
  BULLA_CA_FILE: caFileSetting,
  BULLA_KEYS_FILE: pathSetting,
  BULLA_AUDIT_MARKS: folderSetting.optional(),
  BULLA_AUDIT_RETENTION_DAYS: auditRetentionSetting,
  BULLA_LOG_LEVEL: logLevelSetting,
  BULLA_LOG_FORMAT: logFormatSetting,
  BULLA_MIGRATE: migrateSetting,
  ...edgeSettings,
});
type Common = ReturnType<typeof common>;

/** Everything that a service on its own takes from the environment. */
export function settingsOf<Own extends SettingsShape>({
  metricsPort,
  settings,
}: Pick<ServiceDefinition<never, Own, never>, 'metricsPort' | 'settings'>): Common & Own {
  return { ...common(metricsPort), ...settings };
}

/**
 * Starts a service on its own, from an environment that is read here and nowhere else.
 * @param ask how the person who starts it is asked for what no setting says; nobody is unless given.
 * @returns when it listens; closing it drains it, then closes its Redis and its database.
 * @throws {SettingsError} naming every bad setting; {KeyFileError}; {TokenFault}; {DatabaseTrouble}
 */
export async function runService<
  Tables extends LedgerTables,
  Own extends SettingsShape,
  Looked extends Found | undefined,
>(
  definition: ServiceDefinition<Tables, Own, Looked>,
  environment: Environment,
  ask?: AskHidden,
): Promise<Pick<Service, 'close'>> {
  const { name, migrations, version } = definition;
  const settings = readSettings<SettingsShape>(settingsOf(definition), environment) as Settings<Common> & Settings<Own>;
  trustAuthorities(settings.BULLA_CA_FILE);
  const keyFile = await readKeyFile(settings.BULLA_KEYS_FILE);
  const log = new EventLog({ service: name, level: settings.BULLA_LOG_LEVEL, format: settings.BULLA_LOG_FORMAT });
  const database = connectDatabase<Tables>({
    from: { url: settings.BULLA_DATABASE_URL },
    schema: name,
    migrations,
    log,
    poolMax: settings.BULLA_DATABASE_POOL,
  });
  const production = environment['NODE_ENV'] === 'production';
  // In the order in which they are closed.
  const opened: { close(): Promise<void> }[] = [database];
  try {
    const keys = await ServiceKeys.load(keyFile);
    opened.unshift(keys);
    const publicUrls = settings.BULLA_PUBLIC_URL;
    const edge = await openEdge(settings, { service: name, production, log, publicUrls });
    opened.unshift(edge.store);
    const auditMarks = settings.BULLA_AUDIT_MARKS ?? `${settings.BULLA_KEYS_FILE}.audit-marks`;
    const looked = (await lookAt(definition, database, settings, {
      environment,
      log,
      auditMarks,
      production,
      ask,
    })) as Looked;
    if (looked !== undefined) opened.unshift(looked);
    await database.migrate(settings.BULLA_MIGRATE);
    const { BULLA_HOST: host, BULLA_METRICS_PORT: metricsPort } = settings;
    const listen = { host, port: definition.portOf(settings), metricsPort };
    const auditRetention = settings.BULLA_AUDIT_RETENTION_DAYS;
    const keysFile = settings.BULLA_KEYS_FILE;
    const parts = { version, database, keys, keysFile, log, auditMarks, auditRetention, listen, publicUrls, ...edge };
    const service = await definition.create(parts, settings, { keyFile, environment, looked });
    opened.unshift(service);
    await service.listen();
    return { close: () => closeAll(opened) };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** Has a service look, if it wants to; of trouble with the database it is said what a person can do. */
async function lookAt<Tables extends LedgerTables, Own extends SettingsShape, Looked extends Found | undefined>(
  { look }: ServiceDefinition<Tables, Own, Looked>,
  database: Database<Tables>,
  settings: Settings<Common> & Settings<Own>,
  from: LookedFrom,
): Promise<Looked | undefined> {
  try {
    return await look?.(database, settings, from);
  } catch (error) {
    throw databaseTrouble(error, settings.BULLA_DATABASE_URL) ?? error;
  }
}

/** Closes one after the other. Closes each one even where an earlier one failed. */
async function closeAll(opened: readonly { close(): Promise<void> }[]): Promise<void> {
  const [first, ...others] = opened;
  if (first === undefined) return;
  try {
    await first.close();
  } finally {
    await closeAll(others);
  }
}

/** The version in the manifest of a package, from a module in its `src` or `dist`. */
export function packageVersion(moduleUrl: string): string {
  const text = readFileSync(new URL('../package.json', moduleUrl), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
