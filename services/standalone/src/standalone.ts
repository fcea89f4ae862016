import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ModelRegistry } from '@bulla/responder';
import { answerLimitsOf, createResponder, loadUnwrappers, openModels, runLimitsOf } from '@bulla/responder';
import type { KeyFile } from '@bulla/crypto';
import type { EdgeOptions, Environment, Service, SharedStore } from '@bulla/service-kit';
import { EventLog, openEdge, packageVersion, readKeyFile, ServiceKeys } from '@bulla/service-kit';
import type { RootKeys } from '@bulla/vault';
import { createVault, DepositKeys, rootKeysOf } from '@bulla/vault';
import type { Addresses } from './addresses.js';
import type { Recognise } from './database-mark.js';
import type { Databases } from './databases.js';
import { directoryHashes, openDatabases } from './databases.js';
import type { StandaloneSettings } from './settings.js';
import { StartError } from './start-error.js';

const VERSION = packageVersion(import.meta.url);
const READY_WITHIN_MS = 20_000;
const READY_POLL_MS = 50;

/** The organisation that both services serve, as their starter keeps it. */
export interface ServedOrganisation {
  readonly org: string;
  readonly pin: string;
  /** Lets the organisation into an empty vault, once. */
  readonly bootstrapSecret: string;
  readonly vaultKeysFile: string;
  readonly responderKeysFile: string;
}

export interface StandaloneOptions {
  readonly settings: StandaloneSettings;
  /** Where a file of models may say that keys are. */
  readonly environment: Environment;
  readonly addresses: Addresses;
  /** The folder of the embedded database, and of the marks of the audit logs. */
  readonly home: string;
  /** Says whether the database is the one that belongs here, before anything in it, or at home, is made. */
  readonly recognise: Recognise;
  /**
   * Makes or renews the organisation. Called when the database is open: what cannot start leaves nothing behind.
   * `keptHashes` reads the hashes of an organisation's directories out of it, from version 1 on.
   */
  readonly organisation: (
    addresses: Addresses,
    keptHashes: (org: string) => Promise<readonly string[]>,
  ) => Promise<ServedOrganisation>;
  /** Brings the organisation's documents to the vault, which listens by then. */
  readonly publish: () => Promise<void>;
  /** How the person who starts it is asked for a passphrase of the root key, where one sits at a terminal. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
  /** Aborted when the start shall not go on; whatever was opened is closed then. */
  readonly signal?: AbortSignal;
}

/** Both services, ready. */
export interface Standalone {
  /** Drains both, closes their database last. Calling it twice is no harm. */
  stop(): Promise<void>;
}

/**
 * Runs vault and responder in one process: database, organisation, vault, documents, responder, in this order.
 * @throws {StartError} or what a part said; everything that was opened is closed again
 */
export async function start(options: StandaloneOptions): Promise<Standalone> {
  const { settings, addresses, signal, environment } = options;
  // A file of models with a mistake leaves nothing behind.
  const models = await openModels(settings, environment);
  const lines = { level: settings.BULLA_LOG_LEVEL, format: settings.BULLA_LOG_FORMAT };
  const logs = {
    vault: new EventLog({ service: 'vault', ...lines }),
    responder: new EventLog({ service: 'responder', ...lines }),
  };
  const rootKeys = rootKeysIn(options, logs.vault);
  const services: Service[] = [];
  const stores: Closable[] = [models];
  let databases: Databases | undefined;
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= closeAll(services, [rootKeys, ...stores], databases));
  const keysIn = async (file: KeyFile) => {
    const keys = await ServiceKeys.load(file);
    stores.push(keys);
    return keys;
  };
  try {
    databases = await openDatabases({
      url: settings.BULLA_DATABASE_URL,
      home: options.home,
      poolMax: settings.BULLA_DATABASE_POOL,
      migrate: settings.BULLA_MIGRATE,
      recognise: options.recognise,
      look: ({ db }) => rootKeys.look(db),
      logs,
    });
    signal?.throwIfAborted();
    const vaultEdge = await openEdge(settings, {
      service: 'vault',
      production: false,
      log: logs.vault,
      publicUrls: reachedAt(settings, addresses.vaultUrl),
    });
    stores.push(vaultEdge.store);
    const responderEdge = await openEdge(settings, {
      service: 'responder',
      production: false,
      log: logs.responder,
      publicUrls: reachedAt(settings, addresses.responderUrl),
    });
    stores.push(responderEdge.store);
    const { vault } = databases;
    const organisation = await options.organisation(addresses, (org) => directoryHashes(vault, org));
    signal?.throwIfAborted();
    services.push(
      await startVault(options, databases, organisation, { rootKeys, keysIn, edge: vaultEdge, log: logs.vault }),
    );
    await options.publish();
    signal?.throwIfAborted();
    services.push(
      await startResponder(options, databases, organisation, {
        models,
        keysIn,
        edge: responderEdge,
        log: logs.responder,
      }),
    );
    await requireReady([addresses.vaultUrl, addresses.responderUrl], signal);
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startVault(
  { addresses, settings, home }: StandaloneOptions,
  { vault: database }: Databases,
  { vaultKeysFile, bootstrapSecret }: ServedOrganisation,
  { rootKeys, keysIn, edge, log }: Edged & { readonly rootKeys: RootKeys },
): Promise<Service> {
  const { host, vaultPort: port, vaultUrl, metricsPorts } = addresses;
  const file = await readKeyFile(vaultKeysFile);
  const vault = await createVault({
    version: VERSION,
    database,
    keys: await keysIn(file),
    keysFile: vaultKeysFile,
    deposits: await DepositKeys.load(file),
    ...edge,
    log,
    auditMarks: join(home, 'audit/vault'),
    auditRetention: settings.BULLA_AUDIT_RETENTION_DAYS,
    listen: { host, port, metricsPort: metricsPorts.vault },
    publicUrls: publicUrls(settings, port, vaultUrl),
    bootstrapSecrets: [bootstrapSecret],
    rootKeys,
    backupDays: settings.BULLA_BACKUP_DAYS,
    usageDays: settings.BULLA_USAGE_RETENTION_DAYS,
  });
  return listening(vault);
}

/** The root key is in a file at home unless a setting says where; a second one is looked for beside it. */
function rootKeysIn({ settings, home, ask }: StandaloneOptions, log: EventLog): RootKeys {
  const makes = settings.BULLA_ROOT_KEY === undefined ? join(home, 'vault-root.key') : undefined;
  const own = {
    ...settings,
    BULLA_ROOT_KEY: settings.BULLA_ROOT_KEY ?? `file:${makes}`,
    BULLA_ROOT_KEY_NEXT: settings.BULLA_ROOT_KEY_NEXT ?? `file:${join(home, 'vault-root-next.key')}`,
  };
  return rootKeysOf(own, { log, makes, ask, production: false, dataFolders: [] });
}

async function startResponder(
  { addresses, settings, home }: StandaloneOptions,
  { responder: database }: Databases,
  { responderKeysFile, pin }: ServedOrganisation,
  { models, keysIn, edge, log }: Edged & { readonly models: ModelRegistry },
): Promise<Service> {
  const { host, responderPort: port, responderUrl, vaultUrl, metricsPorts } = addresses;
  const file = await readKeyFile(responderKeysFile);
  const responder = await createResponder({
    version: VERSION,
    database,
    keys: await keysIn(file),
    keysFile: responderKeysFile,
    ...edge,
    log,
    auditMarks: join(home, 'audit/responder'),
    auditRetention: settings.BULLA_AUDIT_RETENTION_DAYS,
    listen: { host, port, metricsPort: metricsPorts.responder },
    publicUrls: publicUrls(settings, port, responderUrl),
    unwrappers: await loadUnwrappers(file),
    pin,
    vaultUrl,
    models,
    runLimits: runLimitsOf(settings),
    answerLimits: answerLimitsOf(settings),
  });
  return listening(responder);
}

type Closable = Pick<SharedStore, 'close'>;

interface Edged {
  /** Loads the signing keys of a file, which are closed with the services. */
  readonly keysIn: (file: KeyFile) => Promise<ServiceKeys>;
  readonly edge: EdgeOptions;
  readonly log: EventLog;
}

/** A service that could not listen is closed: Nest holds timers from the moment it is made. */
async function listening(service: Service): Promise<Service> {
  try {
    await service.listen();
    return service;
  } catch (error) {
    await service.close();
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'EADDRINUSE'
      ? new StartError('a port was taken by another program while Bulla started; start again', 1)
      : error;
  }
}

/** What clients may write as authority (protocol.md §5): this machine's names always, as the directory says those. */
function publicUrls(settings: StandaloneSettings, port: number, ownUrl: string): string[] {
  const own = ['127.0.0.1', 'localhost', '[::1]'].map((host) => `http://${host}:${port}`);
  return [...reachedAt(settings, ownUrl), ...own];
}

/** Where clients of the directory and those of BULLA_PUBLIC_URL look for a service: its certificate is for all of these. */
function reachedAt(settings: StandaloneSettings, ownUrl: string): string[] {
  return [...(settings.BULLA_PUBLIC_URL ?? []), ownUrl];
}

/** Both say so themselves, over the same sockets that clients use. */
async function requireReady(urls: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (const url of urls) {
    while (!(await isReady(url))) {
      signal?.throwIfAborted();
      if (performance.now() > deadline)
        throw new StartError(
          `${url}/health/ready did not say ok within ${READY_WITHIN_MS / 1000} s; the log above says why`,
          1,
        );
      await pause(READY_POLL_MS);
    }
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    // Sealed is as ready as it gets without people.
    return response.status === 200 || response.status === 423;
  } catch {
    return false;
  }
}

/** The responder needs the vault to the end, and both need the database. */
async function closeAll(
  services: readonly Service[],
  stores: readonly Closable[],
  databases: Databases | undefined,
): Promise<void> {
  try {
    await Promise.all(services.map((service) => service.close()));
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    await databases?.close();
  }
}
