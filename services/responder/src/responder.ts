import type { Unwrapper } from '@bulla/crypto';
import type { Database, EdgeOptions, EventLog, ListenOptions, Service, ServiceKeys } from '@bulla/service-kit';
import { Clock, createService } from '@bulla/service-kit';
import { AppModule } from './app.module.js';
import type { ResponderTables } from './database/types.js';
import type { AnswerLimits } from './invocations/answer-budget.js';
import { ANSWER_LIMITS } from './invocations/answer-budget.js';
import type { RunLimits } from './invocations/run-places.js';
import { RUN_LIMITS, RunPlaces } from './invocations/run-places.js';
import { RunsInFlight } from './invocations/runs-in-flight.js';
import { IdleMemory } from './memory/idle-memory.js';
import type { Model } from './models/model.js';
import { SeenDocumentsRepository } from './trust/seen-documents.repository.js';
import { VaultTrustSource } from './trust/vault-trust-source.js';

/** All that a responder needs; nothing is read from the environment or from files. */
export interface ResponderConfig extends EdgeOptions {
  readonly version: string;
  /** Migrated with `responderMigrations`; the service does not close it. */
  readonly database: Database<ResponderTables>;
  /** Its name, and what it signs replies and HTTP messages with. */
  readonly keys: ServiceKeys;
  /** Opens what is sealed to it: the newest key, and older ones until their end. */
  readonly unwrappers: readonly Unwrapper[];
  /** The organisation's root, obtained out of band. */
  readonly pin: string;
  /** Serves the organisation's documents, whose signatures decide. */
  readonly vaultUrl: string;
  /** Whether organisations of profile `development` are refused; they are not unless it is said. */
  readonly production?: boolean | undefined;
  /** Closed with the service. */
  readonly model: Model;
  /** Runs at once; RUN_LIMITS unless given. */
  readonly runLimits?: RunLimits | undefined;
  /** Of answers; ANSWER_LIMITS unless given. */
  readonly answerLimits?: AnswerLimits | undefined;
  readonly log: EventLog;
  readonly listen: ListenOptions;
  /** What clients may sign for as authority; the loopback names of the port unless given. */
  readonly publicUrls?: readonly string[] | undefined;
}

/**
 * Puts a responder together; it fetches the organisation's documents at once and is ready when it trusts them.
 * @throws {KeyFileError} when a signing key is missing
 */
export async function createResponder(config: ResponderConfig): Promise<Service> {
  const { database, keys, clock = new Clock(), log, vaultUrl, pin, production = false } = config;
  keys.signer('reply');
  const trust = new VaultTrustSource(
    { org: keys.org, pin, vaultUrl, production, clock, log },
    new SeenDocumentsRepository(database.db),
  );
  const runs = new RunsInFlight(new RunPlaces(config.runLimits ?? RUN_LIMITS), new IdleMemory());
  const { answerLimits = ANSWER_LIMITS } = config;
  const service = await createService<ResponderTables>({
    service: 'responder',
    version: config.version,
    module: AppModule.use({ trust, runs, answerLimits, unwrappers: config.unwrappers, model: config.model }),
    probes: { documents: () => trust.probe() },
    database,
    keys,
    clock,
    log,
    listen: config.listen,
    publicUrls: config.publicUrls,
    production,
    limits: config.limits,
    rates: config.rates,
    store: config.store,
    trustedProxies: config.trustedProxies,
  });
  trust.start();
  return {
    app: service.app,
    get authorities() {
      return service.authorities;
    },
    listen: () => service.listen(),
    async close() {
      trust.stop();
      // Beside the drain, which waits for the ends that this brings about.
      await Promise.all([runs.stop(), service.close()]);
    },
  };
}
