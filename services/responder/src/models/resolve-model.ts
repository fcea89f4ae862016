import { ModelError } from './model-error.js';

/**
 * The model to ask a server for: the one that is wanted, else the only one that it lists.
 * @param list names under the upstream's `/models`; asked only when nothing else decides.
 * @throws {ModelError} model_not_allowed when the upstream lists none or several; whatever `list` throws.
 */
export async function resolveModel(
  wanted: string | undefined,
  list: () => Promise<readonly string[]>,
): Promise<string> {
  if (wanted !== undefined) return wanted;
  const names = await list();
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  const found = only === undefined ? 'no model' : `${names.length} models`;
  throw new ModelError(
    'model_not_allowed',
    `the upstream lists ${found}: name one in the prompt or in BULLA_LLM_MODEL`,
  );
}
