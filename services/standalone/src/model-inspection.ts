import type { ProblemCode } from '@bulla/contract';
import type { ProbedTarget } from '@bulla/responder';
import { ModelError, openModels, probeModels } from '@bulla/responder';
import type { Environment } from '@bulla/service-kit';
import type { StandaloneSettings } from './settings.js';

const TIMEOUT_MS = 5_000;

/** A model server that was asked: what it lists, or what became of it. */
export type AskedModel =
  | { readonly host: string; readonly models: readonly string[] }
  | { readonly host: string; readonly code: ProblemCode; readonly cause: string; readonly status?: number | undefined };

/**
 * Asks each model server of these settings for its models, as a run would.
 * @throws {SettingsError} as openModels
 */
export async function askModels(settings: StandaloneSettings, environment: Environment): Promise<AskedModel[]> {
  const models = await openModels(settings, environment);
  try {
    const asking = models.all.map(async (model) => {
      const { host } = model;
      return host === undefined ? [] : [await ask(host, model)];
    });
    return (await Promise.all(asking)).flat();
  } finally {
    await models.close();
  }
}

/**
 * Asks each target of each model of these settings a small question, as a run would, and says what became of it.
 * @throws {SettingsError} as openModels
 */
export async function* testModels(
  settings: StandaloneSettings,
  environment: Environment,
): AsyncGenerator<ProbedTarget> {
  const models = await openModels(settings, environment);
  try {
    yield* probeModels(models);
  } finally {
    await models.close();
  }
}

async function ask(
  host: string,
  model: { list(signal: AbortSignal): Promise<readonly string[] | undefined> },
): Promise<AskedModel> {
  try {
    return { host, models: (await model.list(AbortSignal.timeout(TIMEOUT_MS))) ?? [] };
  } catch (error) {
    if (!(error instanceof ModelError)) return { host, code: 'upstream_timeout', cause: 'too_slow' };
    const { code, fault } = error;
    return { host, code, cause: fault?.cause ?? 'unreachable', status: fault?.status };
  }
}
