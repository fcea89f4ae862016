import type { ProblemCode } from '@bulla/contract';
import type { KeptHashes } from '@bulla/client/node';
import type { Io } from '../io.js';
import { loadByName } from './load-by-name.js';

/** What the command uses of @bulla/standalone, which it loads by name: the services are not part of the client. */
export interface StandalonePackage {
  /** Throws errors with `exitCode` and `lines`. */
  readStandaloneSettings(env: Io['env']): StandaloneSettings;
  findAddresses(settings: StandaloneSettings): Promise<Addresses>;
  plannedUrls(settings: StandaloneSettings): Promise<Addresses>;
  /** @throws an error with `message` and `hint` where the database cannot be used; what `look` throws */
  lookAtDatabase<Seen>(url: string, look: (found: FoundDatabase) => Promise<Seen>): Promise<Seen>;
  /** Asks each model server for its models; throws errors with `exitCode` and `lines` as readStandaloneSettings. */
  askModels(settings: StandaloneSettings, env: Io['env']): Promise<readonly AskedModel[]>;
  /** Asks each target of each model a small question; throws as askModels. */
  testModels(settings: StandaloneSettings, env: Io['env']): AsyncIterable<TestedModel>;
  start(options: {
    readonly settings: StandaloneSettings;
    readonly environment: Io['env'];
    readonly addresses: Addresses;
    readonly home: string;
    readonly recognise: (found: FoundDatabase) => Promise<string>;
    readonly organisation: (addresses: Addresses, keptHashes: KeptHashes) => Promise<ServedOrganisation>;
    readonly publish: () => Promise<void>;
    readonly ask: ((question: string) => Promise<string>) | undefined;
    readonly signal: AbortSignal;
  }): Promise<{ stop(): Promise<void> }>;
}

export interface StandaloneSettings {
  readonly BULLA_HOME?: string | undefined;
  readonly BULLA_VAULT_PORT: number;
  readonly BULLA_RESPONDER_PORT: number;
  readonly BULLA_METRICS_PORT: number;
  readonly BULLA_DATABASE_URL?: string | undefined;
  readonly BULLA_REDIS_URL?: string | undefined;
  readonly BULLA_LLM_MODEL?: string | undefined;
  readonly BULLA_LLM?:
    | { readonly kind: 'openai'; readonly url: string }
    | { readonly kind: 'gguf'; readonly path: string }
    | { readonly kind: 'extract' | 'echo' }
    | undefined;
  readonly BULLA_MODELS_FILE?: string | undefined;
}

/** A model server that was asked: what it lists, or what became of it. */
export type AskedModel =
  | { readonly host: string; readonly models: readonly string[] }
  | { readonly host: string; readonly code: ProblemCode; readonly cause: string; readonly status?: number | undefined };

/** A place where a model may be answered, and what became of a question to it. */
export interface TestedModel {
  readonly name: string;
  readonly upstream: string;
  readonly host?: string | undefined;
  readonly outcome: 'answered' | 'failed' | 'not_asked';
  readonly durationMs?: number;
  /** What it calls itself. */
  readonly model?: string;
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined;
  readonly code?: ProblemCode;
  readonly cause?: string | undefined;
  readonly status?: number | undefined;
}

/** A database as it was found, before anything in it is changed. */
export interface FoundDatabase {
  /** `embedded`, or host, port and database. */
  readonly place: string;
  readonly mark: string | undefined;
  readonly pinOf: (org: string) => Promise<string | undefined>;
}

export interface Addresses {
  readonly vaultUrl: string;
  readonly responderUrl: string;
}

export interface ServedOrganisation {
  readonly org: string;
  readonly pin: string;
  readonly bootstrapSecret: string;
  readonly vaultKeysFile: string;
  readonly responderKeysFile: string;
}

/** @throws {UsageError} if it is not installed */
export function loadStandalone(io: Io): Promise<StandalonePackage> {
  return loadByName(io, '@bulla/standalone');
}
