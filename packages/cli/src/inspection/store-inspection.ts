import { upstreamWords } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { hintOfCode, upstreamHint } from '../output/hints.js';
import { AnotherDatabaseError, HomeDatabase } from '../home/home-database.js';
import type { Finding } from './inspection.js';
import { counted } from '../output/output.js';
import type { StandalonePackage, StandaloneSettings } from '../home/standalone-package.js';

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

/** What answers where `bulla up` runs: a model server is asked for its models. */
export async function inspectModel(standalone: StandalonePackage, settings: StandaloneSettings): Promise<Finding> {
  const name = 'model';
  const { BULLA_LLM: target, BULLA_LLM_MODEL: wanted } = settings;
  const asked = await standalone.askModel(settings);
  if (asked === undefined)
    return {
      name,
      ok: true,
      // What `bulla up` began with is known to nobody else.
      detail: `builtin:${target.kind} (not a language model), unless \`bulla up\` was started with another BULLA_LLM`,
      data: { model: `builtin:${target.kind}` },
    };
  const { host } = asked;
  if ('models' in asked)
    return {
      name,
      ok: true,
      detail: `${host} answers; ${described(asked.models, wanted)}`,
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
function described(models: readonly string[], wanted: string | undefined): string {
  if (wanted !== undefined) return `prompts that name no model get ${wanted}`;
  const [only] = models;
  if (only !== undefined && models.length === 1) return `its one model is ${only}`;
  return `it lists ${counted(models.length, 'model')}, so prompts name one, or BULLA_LLM_MODEL does`;
}
