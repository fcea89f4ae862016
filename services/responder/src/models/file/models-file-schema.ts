import { MODEL_CAPABILITIES } from '@bulla/contract';
import { isVisibleName } from '@bulla/crypto';
import * as z from 'zod';
import { ANTHROPIC_VERSIONS } from '../anthropic/anthropic-request.js';
import { BUILT_INS } from '../built-ins.js';
import { apiUrl, TIMEOUT_MAX_MS, TIMEOUT_MIN_MS } from '../model-settings.js';

const CONCURRENT_MAX = 100_000;
const WEIGHT_MAX = 1_000;
/** The least that the Messages API takes, and more than any model thinks. */
const [THINKING_MIN, THINKING_MAX] = [1_024, 1_000_000];
const TARGETS_MAX = 16;
const PRICE_MAX = 1_000_000;
/** What servers may speak; the first unless a file says another. */
export const UPSTREAM_KINDS = ['openai', 'anthropic', 'azure'] as const;

const URL_EXPECTED = 'an http or https URL without credentials, query or fragment, such as http://127.0.0.1:11434/v1';
const modelName = z
  .string()
  .min(1)
  .refine(isVisibleName)
  // guard: models-file-name-default without: .max(256)
  .refine((name) => name !== 'default')
  .max(256);
const Upstream = z.strictObject({
  kind: z.enum(UPSTREAM_KINDS).default(UPSTREAM_KINDS[0]),
  url: z.string().transform((text, context) => {
    const url = apiUrl(text);
    if (typeof url === 'string') return url;
    context.addIssue({ code: 'custom', message: url.expected ?? `expected ${URL_EXPECTED}` });
    return z.NEVER;
  }),
  api_version: z
    .string()
    .regex(/^[0-9a-z-]{1,32}$/)
    .optional(),
  key_file: z.string().min(1).max(4096).optional(),
  key_variable: z
    .string()
    .regex(/^(?!BULLA_)[A-Za-z_][A-Za-z0-9_]{0,127}$/)
    .optional(),
  timeout_ms: z.int().min(TIMEOUT_MIN_MS).max(TIMEOUT_MAX_MS).optional(),
  concurrent: z.int().min(1).max(CONCURRENT_MAX).optional(),
  thinking_budget: z.int().min(THINKING_MIN).max(THINKING_MAX).optional(),
});
/** Written in full: a wire without fractions carries it as text. */
const price = z
  .number()
  .max(PRICE_MAX)
  .refine((amount) => /^[0-9]+(\.[0-9]{1,6})?$/.test(String(amount)));
const targetShape = {
  upstream: z.string(),
  name: z.string().min(1).max(256).refine(isVisibleName).optional(),
  can: z.array(z.enum(MODEL_CAPABILITIES)).min(1).max(MODEL_CAPABILITIES.length).optional(),
  price: z.strictObject({ input: price, output: price }).optional(),
};
const Target = z.strictObject({ ...targetShape, weight: z.int().min(1).max(WEIGHT_MAX).optional() });
const Fallback = z.strictObject(targetShape);
const Entry = z.strictObject({
  ...targetShape,
  upstream: targetShape.upstream.optional(),
  targets: z.array(Target).min(1).max(TARGETS_MAX).optional(),
  fallbacks: z.array(Fallback).max(TARGETS_MAX).default([]),
});
export const ModelsFile = z.strictObject({
  upstreams: z.record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/), Upstream).default({}),
  models: z.record(modelName, Entry),
  aliases: z.record(modelName, z.string()).default({}),
  default: z.string().optional(),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional(),
});
export type ModelsFile = z.output<typeof ModelsFile>;
export type FileTarget = z.output<typeof Target>;

const NAME = 'a name of 1 to 256 characters that all show, without a space at an end, other than default';
const A_TARGET = 'upstream, name, can, price';
const MODEL_NAME = 'what the model server calls the model: 1 to 256 characters that all show, no space at an end';
const AN_UPSTREAM = `the name of one of upstreams, ${[...BUILT_INS.keys()].join(', ')}, or gguf:<path>`;
const CAN = `some of ${MODEL_CAPABILITIES.join(', ')}, each once`;
const PRICE = 'keys with values: input, output, each of them for a million tokens, such as {input: 0.4, output: 1.6}';
const A_PRICE = `a number from 0 to ${PRICE_MAX}, with at most six decimals`;

/** What is expected of a target below a path. */
function ofTarget(path: string): Record<string, string> {
  return {
    [`${path}.upstream`]: AN_UPSTREAM,
    [`${path}.name`]: MODEL_NAME,
    [`${path}.can`]: CAN,
    [`${path}.can.*`]: CAN,
    [`${path}.price`]: PRICE,
    [`${path}.price.input`]: A_PRICE,
    [`${path}.price.output`]: A_PRICE,
  };
}

/** What is expected where: by the path of a place, in which `*` stands for any name and any place in a list. */
const EXPECTED: Readonly<Record<string, string>> = {
  '': 'keys with values: upstreams, models, aliases, default, currency; models is there always',
  upstreams: 'the names of model servers, each with its keys, such as local: {url: http://127.0.0.1:11434/v1}',
  'upstreams.*':
    'keys with values: kind, url, api_version, key_file, key_variable, timeout_ms, concurrent, thinking_budget; url is there always',
  'upstreams.*.kind': `one of ${UPSTREAM_KINDS.join(', ')}`,
  'upstreams.*.url': URL_EXPECTED,
  'upstreams.*.api_version': `with kind: azure a version of its interface, such as 2024-10-21; with kind: anthropic, if at all, ${ANTHROPIC_VERSIONS.join(' or ')}; otherwise nothing`,
  'upstreams.*.thinking_budget': `with kind: anthropic, a whole number of tokens from ${THINKING_MIN} to ${THINKING_MAX}`,
  'upstreams.*.key_file': 'the path of a file, from the folder of this one',
  'upstreams.*.key_variable': 'the name of a variable of the environment that does not begin with BULLA_',
  'upstreams.*.timeout_ms': `a whole number from ${TIMEOUT_MIN_MS} to ${TIMEOUT_MAX_MS}`,
  'upstreams.*.concurrent': `a whole number from 1 to ${CONCURRENT_MAX}`,
  models: 'the names that prompts say, each with its keys, such as small: {upstream: local, name: llama3.2}',
  'models.*': `keys with values: ${A_TARGET}, targets, fallbacks; either upstream or targets is there always`,
  ...ofTarget('models.*'),
  'models.*.targets': `a list of 1 to ${TARGETS_MAX}, such as [{upstream: one, weight: 3}, {upstream: other}]`,
  'models.*.targets.*': `keys with values: ${A_TARGET}, weight; upstream is there always`,
  ...ofTarget('models.*.targets.*'),
  'models.*.targets.*.weight': `a whole number from 1 to ${WEIGHT_MAX}`,
  'models.*.fallbacks': `a list of at most ${TARGETS_MAX}, such as [{upstream: local, name: llama3.2}]`,
  'models.*.fallbacks.*': `keys with values: ${A_TARGET}; upstream is there always`,
  ...ofTarget('models.*.fallbacks.*'),
  aliases: 'further names, each with the name that it stands for, such as fast: small',
  'aliases.*': 'a name that stands under models or aliases',
  default: 'a name that stands under models or aliases; it may be left out where models has one name only',
  currency: 'what prices are in, as three letters of ISO 4217, such as USD; it is there where a price is',
};
/** What a name may be, by the path of what has it. */
const NAMES: Readonly<Record<string, string>> = {
  upstreams: 'a name of 1 to 64 small letters, digits, points, hyphens and underscores, no point or hyphen first',
  models: NAME,
  aliases: NAME,
};

/** What is expected at a place of the file. */
export function expectedAt(place: readonly PropertyKey[]): string {
  const rule = place.map((step, index) => (index === 1 || typeof step === 'number' ? '*' : String(step))).join('.');
  return `expected ${EXPECTED[rule] ?? 'another value'}`;
}

/** What is expected of a name under one of the parts of the file. */
export function expectedName(part: PropertyKey | undefined): string {
  return `expected ${NAMES[String(part)] ?? 'another name'}`;
}
