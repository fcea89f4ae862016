import type { ProblemCode } from '@bulla/contract';
import { createModel, ModelError } from '@bulla/responder';
import type { StandaloneSettings } from './settings.js';

const TIMEOUT_MS = 5_000;

/** A model server that was asked: what it lists, or what became of it. */
export type AskedModel =
  | { readonly host: string; readonly models: readonly string[] }
  | { readonly host: string; readonly code: ProblemCode; readonly cause: string; readonly status?: number | undefined };

/** Asks the model server of these settings for its models, as a run would; undefined where they name none. */
export async function askModel(settings: StandaloneSettings): Promise<AskedModel | undefined> {
  const model = createModel(settings);
  const { host } = model;
  if (host === undefined) return undefined;
  try {
    return { host, models: (await model.list(AbortSignal.timeout(TIMEOUT_MS))) ?? [] };
  } catch (error) {
    if (!(error instanceof ModelError)) return { host, code: 'upstream_timeout', cause: 'too_slow' };
    const { code, fault } = error;
    return { host, code, cause: fault?.cause ?? 'unreachable', status: fault?.status };
  } finally {
    await model.close();
  }
}
