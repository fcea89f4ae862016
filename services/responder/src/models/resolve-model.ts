import { ModelError } from './model-error.js';

/**
 * The model a run uses: the prompt's unless it says `default`, else the configured one (`BULLA_LLM_MODEL`), else the
 * only one the upstream lists.
 * @param list names under the upstream's `/models`; asked only when nothing else decides.
 * @throws {ModelError} model_not_allowed when the upstream lists none or several; whatever `list` throws.
 */
export async function resolveModel(
  wanted: string | undefined,
  configured: string | undefined,
  list: () => Promise<readonly string[]>,
): Promise<string> {
  if (wanted !== undefined && wanted !== 'default') return wanted;
  if (configured !== undefined) return configured;
  const names = await list();
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  const found = only === undefined ? 'no model' : `${names.length} models`;
  throw new ModelError(
    'model_not_allowed',
    `the upstream lists ${found}: name one in the prompt or in BULLA_LLM_MODEL`,
  );
}
