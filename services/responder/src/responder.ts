import type { Unwrapper } from '@bulla/crypto';
import type { Service, ServiceParts } from '@bulla/service-kit';
import { Clock, createService, NewestCheckpoint } from '@bulla/service-kit';
import { AppModule } from './app.module.js';
import type { ResponderTables } from './database/types.js';
import type { AnswerLimits } from './invocations/answer-budget.js';
import { ANSWER_LIMITS } from './invocations/answer-budget.js';
import type { RunLimits } from './invocations/run-places.js';
import { RUN_LIMITS, RunPlaces } from './invocations/run-places.js';
import { RunsInFlight } from './invocations/runs-in-flight.js';
import { IdleMemory } from './memory/idle-memory.js';
import type { ModelRegistry } from './models/model-registry.js';
import { SeenDocumentsRepository } from './trust/seen-documents.repository.js';
import { VaultTrustSource } from './trust/vault-trust-source.js';

/** All that a responder needs; nothing is read from the environment or from files. Its keys sign replies and HTTP messages. */
export interface ResponderConfig extends ServiceParts<ResponderTables> {
  /** Opens what is sealed to it: the newest key, and older ones until their end. */
  readonly unwrappers: readonly Unwrapper[];
  /** The organisation's root, obtained out of band. */
  readonly pin: string;
  /** Serves the organisation's documents, whose signatures decide. */
  readonly vaultUrl: string;
  /** Closed with the service. */
  readonly models: ModelRegistry;
  /** Runs at once; RUN_LIMITS unless given. */
  readonly runLimits?: RunLimits | undefined;
  /** Of answers; ANSWER_LIMITS unless given. */
  readonly answerLimits?: AnswerLimits | undefined;
}

/**
 * Puts a responder together; it fetches the organisation's documents at once and is ready when it trusts them and
 * has signed a head of its audit log.
 * @throws {KeyFileError} when a signing key is missing
 */
export async function createResponder({
  unwrappers,
  pin,
  vaultUrl,
  models,
  runLimits = RUN_LIMITS,
  answerLimits = ANSWER_LIMITS,
  ...given
}: ResponderConfig): Promise<Service> {
  const parts = { ...given, clock: given.clock ?? new Clock() };
  const { database, keys, clock, log, production = false } = parts;
  keys.newest('reply');
  const trust = new VaultTrustSource(
    { org: keys.org, pin, vaultUrl, production, clock, log },
    new SeenDocumentsRepository(database.db),
  );
  const memory = new IdleMemory();
  const runs = new RunsInFlight(new RunPlaces(runLimits), memory);
  const newestCheckpoint = new NewestCheckpoint();
  const service = await createService<ResponderTables>({
    ...parts,
    service: 'responder',
    // A run is worth more than its place in the log: it may wait longer (protocol.md §8).
    auditLagMaxSeconds: 900,
    newestCheckpoint,
    module: AppModule.use({ trust, runs, newestCheckpoint, answerLimits, unwrappers, models, vaultUrl }),
    probes: { documents: () => trust.probe(), 'audit-head': async () => requireHead(newestCheckpoint) },
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
      memory.stop();
    },
  };
}

/** Askers refuse an answer that says nothing of its responder's log. */
function requireHead({ notes }: NewestCheckpoint): void {
  // guard: head-before-ready
  if (notes.length === 0) throw new Error('the audit log has no signed head yet');
}
