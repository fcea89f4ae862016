import { isVisibleName, Secret, utf8 } from '@bulla/crypto';
import { pathSetting } from '@bulla/service-kit';
import * as z from 'zod';
import type { ModelTimeouts } from './upstream-watch.js';

/** What `BULLA_LLM` names. */
export type NamedTarget =
  | { /** Base URL without a slash at its end. */ readonly kind: 'openai'; readonly url: string }
  | { /** A file in the format GGUF. */ readonly kind: 'gguf'; readonly path: string }
  | { readonly kind: 'extract' }
  | { readonly kind: 'echo' };

export const TIMEOUT_MIN_MS = 1_000;
export const TIMEOUT_MAX_MS = 3_600_000;
/** What a bearer token may be made of. */
export const API_KEY_PATTERN = /^[\x21-\x7e]{1,4096}$/;

const EXPECTED =
  'openai:<http or https URL without credentials, query or fragment>, gguf:<path>, builtin:extract or builtin:echo';

/** Reads `BULLA_LLM`. Its issues say what was expected and never repeat the value. */
export const modelTargetSchema = z.string().transform((text, context): NamedTarget => {
  const refuse = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (text === 'builtin:extract') return { kind: 'extract' };
  if (text === 'builtin:echo') return { kind: 'echo' };
  const path = ggufPath(text);
  if (path !== undefined) return { kind: 'gguf', path };
  if (!text.startsWith('openai:')) return refuse(`expected ${EXPECTED}`);
  const url = apiUrl(text.slice('openai:'.length));
  return typeof url === 'string' ? { kind: 'openai', url } : refuse(url.expected ?? `expected ${EXPECTED}`);
});

/** The path behind `gguf:`, if that is what a text says. */
export function ggufPath(text: string): string | undefined {
  return text.startsWith('gguf:') && text.length <= 4_096 ? text.slice('gguf:'.length) || undefined : undefined;
}

/** The base URL of a model server, without a slash at its end; or what was expected, if it is nearly one. */
export function apiUrl(text: string): string | { readonly expected?: string } {
  // URL would drop control characters and white space without a word.
  const url = /[^\x21-\x7e]/.test(text) ? null : URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return {};
  if (url.username !== '' || url.password !== '')
    return { expected: 'the URL must hold no credentials: a key has a setting of its own' };
  if (url.search !== '' || url.hash !== '')
    return { expected: 'the URL must end with its path, such as http://127.0.0.1:11434/v1' };
  return url.href.replace(/\/+$/, '');
}

/** The settings of this room, to be spread into the schema of the responder's environment. */
export const modelSettings = {
  BULLA_LLM: modelTargetSchema.optional().describe(EXPECTED),
  /** Several models; it stands in place of all other settings here but the time. */
  BULLA_MODELS_FILE: pathSetting.optional().describe('the path of a YAML file'),
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
    .regex(API_KEY_PATTERN)
    .transform((key) => new Secret(utf8(key)))
    .optional()
    .describe('an API key of visible ASCII characters without spaces'),
  /** The longest a run may wait for its model, from first to last; the other time-outs are shares of it. */
  BULLA_LLM_TIMEOUT_MS: z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(TIMEOUT_MIN_MS).max(TIMEOUT_MAX_MS))
    .default(120_000)
    .describe('a whole number from 1000 to 3600000'),
};

export type ModelSettings = z.output<z.ZodObject<typeof modelSettings>>;

/** Half of the time for the first byte (a long prompt takes long to read), a quarter for any pause after it. */
export function modelTimeouts(totalMs: number): ModelTimeouts {
  return { connectMs: Math.min(5_000, totalMs / 4), firstByteMs: totalMs / 2, idleMs: totalMs / 4, totalMs };
}
