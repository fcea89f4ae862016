import { upstreamWords } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { hintOfCode, upstreamHint } from '../output/hints.js';
import { AnotherDatabaseError, HomeDatabase } from '../home/home-database.js';
import type { Finding } from './inspection.js';
import { counted } from '../output/output.js';
import type { AskedModel, StandalonePackage, StandaloneSettings } from '../home/standalone-package.js';
import type { Io } from '../io.js';

/** Whether the database of `bulla up` lets us in, and is the one that this home works with. */
export async function inspectDatabase(
  standalone: StandalonePackage,
  { BULLA_DATABASE_URL: url }: StandaloneSettings,
  home: Home,
): Promise<Finding> {
  const name = 'database';
  const own = new HomeDatabase(home, { accepts: false });
  if (url === undefined) {
    const place = (await own.lastPlace()) ?? 'embedded';
    const detail =
      place === 'embedded'
        ? 'embedded, in the home folder'
        : `${place}, by what \`bulla up\` had in BULLA_DATABASE_URL`;
    return { name, ok: true, detail, data: { place } };
  }
  try {
    return await standalone.lookAtDatabase(url, async (found) => {
      await own.recognise(found);
      return { name, ok: true, detail: `${found.place} is there, and lets us in`, data: { place: found.place } };
    });
  } catch (error) {
    // Both kinds say in words what is wrong and what mends it.
    const { message, hint, exitCode } = Object(error) as Record<string, unknown>;
    if (!(error instanceof AnotherDatabaseError) && typeof exitCode !== 'number') throw error;
    return { name, ok: false, detail: String(message), ...(typeof hint === 'string' && { fix: hint }) };
  }
}

/** What answers where `bulla up` runs: each model server is asked for its models. */
export async function inspectModels(
  standalone: StandalonePackage,
  settings: StandaloneSettings,
  env: Io['env'],
): Promise<Finding[]> {
  let asked: readonly AskedModel[];
  try {
    asked = await standalone.askModels(settings, env);
  } catch (error) {
    // A file of models with mistakes: each says its line, and what was expected.
    const { lines } = Object(error) as { lines?: unknown };
    if (!Array.isArray(lines)) throw error;
    return lines.map((line) => ({ name: 'model', ok: false, detail: String(line) }));
  }
  return asked.length === 0 ? [builtIn(settings)] : asked.map((one) => inspectionOf(one, settings));
}

function builtIn({ BULLA_LLM: target, BULLA_MODELS_FILE: file }: StandaloneSettings): Finding {
  const name = 'model';
  if (file !== undefined) return { name, ok: true, detail: `${file} names no model server`, data: { file } };
  const model = `builtin:${target?.kind ?? 'extract'}`;
  // What `bulla up` began with is known to nobody else.
  const detail = `${model} (not a language model), unless \`bulla up\` was started with another BULLA_LLM`;
  return { name, ok: true, detail, data: { model } };
}

function inspectionOf(asked: AskedModel, settings: StandaloneSettings): Finding {
  const name = 'model';
  const { host } = asked;
  if ('models' in asked)
    return {
      name,
      ok: true,
      detail: `${host} answers; ${described(asked.models, settings)}`,
      data: { host, models: asked.models },
    };
  const { code, ...fault } = asked;
  const fix = code === 'upstream_unavailable' ? upstreamHint(fault) : hintOfCode(code);
  return {
    name,
    ok: false,
    detail: upstreamWords(fault) ?? `${host}: ${code}`,
    data: { ...asked },
    ...(fix !== undefined && { fix }),
  };
}

/** Which model runs get that name none. */
function described(
  models: readonly string[],
  { BULLA_LLM_MODEL: wanted, BULLA_MODELS_FILE: file }: StandaloneSettings,
): string {
  if (file !== undefined) return `it lists ${counted(models.length, 'model')}`;
  if (wanted !== undefined) return `prompts that name no model get ${wanted}`;
  const [only] = models;
  if (only !== undefined && models.length === 1) return `its one model is ${only}`;
  return `it lists ${counted(models.length, 'model')}, so prompts name one, or BULLA_LLM_MODEL does`;
}
