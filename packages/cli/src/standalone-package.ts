import type { KeptHashes } from '@bulla/client/node';
import type { Io } from './io.js';
import { UsageError } from './usage-error.js';

/** What the command uses of @bulla/standalone, which it loads by name: the services are no part of the client. */
export interface StandalonePackage {
  /** Throws errors with `exitCode` and `lines`. */
  readStandaloneSettings(env: Io['env']): StandaloneSettings;
  findAddresses(settings: StandaloneSettings): Promise<Addresses>;
  plannedUrls(settings: StandaloneSettings): Promise<Addresses>;
  start(options: {
    readonly settings: StandaloneSettings;
    readonly addresses: Addresses;
    readonly home: string;
    readonly organisation: (addresses: Addresses, keptHashes: KeptHashes) => Promise<ServedOrganisation>;
    readonly publish: () => Promise<void>;
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
  readonly BULLA_LLM: { readonly kind: 'openai'; readonly url: string } | { readonly kind: 'extract' | 'echo' };
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
export async function loadStandalone({ load }: Io): Promise<StandalonePackage> {
  try {
    return (await load('@bulla/standalone')) as StandalonePackage;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      'the services are not installed here',
      'run this in the project folder, after `npm ci` and `npm run build`',
    );
  }
}
