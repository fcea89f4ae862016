import { isVisibleName, Secret, utf8 } from '@bulla/crypto';
import * as z from 'zod';
import { EchoModel } from './echo.model.js';
import { ExtractModel } from './extract.model.js';
import type { Model } from './model.js';
import { OpenaiModel } from './openai.model.js';
import type { ModelTimeouts } from './upstream-watch.js';

/** What `BULLA_LLM` names. */
export type ModelTarget =
  | { /** Base URL without a slash at its end. */ readonly kind: 'openai'; readonly url: string }
  | { readonly kind: 'extract' }
  | { readonly kind: 'echo' };

const EXPECTED = 'openai:<http or https URL without credentials, query or fragment>, builtin:extract or builtin:echo';

/** Reads `BULLA_LLM`. Its issues say what was expected and never repeat the value. */
export const modelTargetSchema = z.string().transform((text, context): ModelTarget => {
  const refuse = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (text === 'builtin:extract') return { kind: 'extract' };
  if (text === 'builtin:echo') return { kind: 'echo' };
  if (!text.startsWith('openai:')) return refuse(`expected ${EXPECTED}`);
  const address = text.slice('openai:'.length);
  // URL would drop control characters and white space without a word.
  const url = /[^\x21-\x7e]/.test(address) ? null : URL.parse(address);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return refuse(`expected ${EXPECTED}`);
  if (url.username !== '' || url.password !== '')
    return refuse('the URL must hold no credentials: use BULLA_LLM_API_KEY');
  if (url.search !== '' || url.hash !== '')
    return refuse('the URL must end with its path, such as http://127.0.0.1:11434/v1');
  return { kind: 'openai', url: url.href.replace(/\/+$/, '') };
});

/** The settings of this room, to be spread into the schema of the responder's environment. */
export const modelSettings = {
  BULLA_LLM: modelTargetSchema.prefault('builtin:extract').describe(EXPECTED),
  /** Used where the prompt names no model. */
  BULLA_LLM_MODEL: z
    .string()
    .min(1)
    .max(256)
    // guard: setting-model-name without: .max(256)
    .refine(isVisibleName)
    .optional()
    .describe('the name of a model, at most 256 visible characters without spaces at its ends'),
  BULLA_LLM_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{1,4096}$/)
    .transform((key) => new Secret(utf8(key)))
    .optional()
    .describe('an API key of visible ASCII characters without spaces'),
  /** The longest a run may wait for its model, from first to last; the other time-outs are shares of it. */
  BULLA_LLM_TIMEOUT_MS: z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(1_000).max(3_600_000))
    .default(120_000)
    .describe('a whole number from 1000 to 3600000'),
};

export type ModelSettings = z.output<z.ZodObject<typeof modelSettings>>;

/** The model these settings describe. It connects to nobody before the first run. */
export function createModel(settings: ModelSettings): Model {
  const target = settings.BULLA_LLM;
  if (target.kind === 'extract') return new ExtractModel();
  if (target.kind === 'echo') return new EchoModel();
  // A further kind is not of this type, so it does not compile.
  const { url }: Extract<ModelTarget, { kind: 'openai' }> = target;
  return new OpenaiModel({
    url,
    model: settings.BULLA_LLM_MODEL,
    apiKey: settings.BULLA_LLM_API_KEY,
    timeouts: modelTimeouts(settings.BULLA_LLM_TIMEOUT_MS),
  });
}

/** Half of the time for the first byte (a long prompt takes long to read), a quarter for any pause after it. */
export function modelTimeouts(totalMs: number): ModelTimeouts {
  return { connectMs: Math.min(5_000, totalMs / 4), firstByteMs: totalMs / 2, idleMs: totalMs / 4, totalMs };
}
