import { isVisibleName } from '@bulla/crypto';
import type { YAMLError } from 'yaml';
import { isAlias, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import * as z from 'zod';
import { BUILT_INS } from './built-ins.js';
import { apiUrl, TIMEOUT_MAX_MS, TIMEOUT_MIN_MS } from './model-settings.js';
import { offsetIn } from './yaml-places.js';

/** One thing that is wrong in the file: where, counted from 1, and what was expected; never what stands there. */
export interface FileMistake {
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

/** A place in the file: the names of keys from the outermost on. */
export type Place = readonly PropertyKey[];

const URL_EXPECTED = 'an http or https URL without credentials, query or fragment, such as http://127.0.0.1:11434/v1';
const modelName = z
  .string()
  .min(1)
  .refine(isVisibleName)
  // guard: models-file-name-default without: .max(256)
  .refine((name) => name !== 'default')
  .max(256);
const Upstream = z.strictObject({
  url: z.string().transform((text, context) => {
    const url = apiUrl(text);
    if (typeof url === 'string') return url;
    context.addIssue({ code: 'custom', message: url.expected ?? `expected ${URL_EXPECTED}` });
    return z.NEVER;
  }),
  key_file: z.string().min(1).max(4096).optional(),
  key_variable: z
    .string()
    .regex(/^(?!BULLA_)[A-Za-z_][A-Za-z0-9_]{0,127}$/)
    .optional(),
  timeout_ms: z.int().min(TIMEOUT_MIN_MS).max(TIMEOUT_MAX_MS).optional(),
});
const ModelsFile = z.strictObject({
  upstreams: z.record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/), Upstream).default({}),
  models: z.record(
    modelName,
    z.strictObject({
      upstream: z.string(),
      name: z.string().min(1).max(256).refine(isVisibleName).optional(),
    }),
  ),
  aliases: z.record(modelName, z.string()).default({}),
  default: z.string().optional(),
});
type ModelsFile = z.output<typeof ModelsFile>;

/** What a file says, with every alias followed to its model. */
export interface ReadModels extends Omit<ModelsFile, 'default'> {
  readonly default: string;
}

const NAME = 'a name of 1 to 256 characters that all show, without a space at an end, other than default';
/** What is expected where: by the path of a place, in which `*` stands for any name. */
const EXPECTED: Readonly<Record<string, string>> = {
  '': 'keys with values: upstreams, models, aliases, default; models is there always',
  upstreams: 'the names of model servers, each with its keys, such as local: {url: http://127.0.0.1:11434/v1}',
  'upstreams.*': 'keys with values: url, key_file, key_variable, timeout_ms; url is there always',
  'upstreams.*.url': URL_EXPECTED,
  'upstreams.*.key_file': 'the path of a file, from the folder of this one',
  'upstreams.*.key_variable': 'the name of a variable of the environment that does not begin with BULLA_',
  'upstreams.*.timeout_ms': `a whole number from ${TIMEOUT_MIN_MS} to ${TIMEOUT_MAX_MS}`,
  models: 'the names that prompts say, each with its keys, such as small: {upstream: local, name: llama3.2}',
  'models.*': 'keys with values: upstream, name; upstream is there always',
  'models.*.upstream': `the name of one of upstreams, or ${[...BUILT_INS.keys()].join(' or ')}`,
  'models.*.name': 'what the model server calls the model: 1 to 256 characters that all show, no space at an end',
  aliases: 'further names, each with the name that it stands for, such as fast: small',
  'aliases.*': 'a name that stands under models or aliases',
  default: 'a name that stands under models or aliases; it may be left out where models has one name only',
};
/** What a name may be, by the path of what has it. */
const NAMES: Readonly<Record<string, string>> = {
  upstreams: 'a name of 1 to 64 small letters, digits, points, hyphens and underscores, no point or hyphen first',
  models: NAME,
  aliases: NAME,
};
/** The error for invalid YAML, in our words: the parser's own words may repeat the text of the file. */
const YAML_FAULTS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  DUPLICATE_KEY: 'this key stands twice; expected it once',
  TAB_AS_INDENT: 'a tab indents this line; expected spaces',
  MULTIPLE_DOCS: 'a second document begins here; expected one',
};

/**
 * Reads a file of models.
 * @returns what it says, or everything that is wrong with it; and the place of what is found to be wrong with it later.
 */
export function readModels(text: string): {
  readonly read: ReadModels | undefined;
  readonly mistakes: readonly FileMistake[];
  readonly mistakeAt: (place: Place, what: string) => FileMistake;
} {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, merge: false, schema: 'core', lineCounter });
  const at = (offset: number, what: string): FileMistake => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1), what };
  };
  const inOrder = (found: readonly FileMistake[]) =>
    found.toSorted((one, other) => one.line - other.line || one.column - other.column);
  const mistakeAt = (place: Place, what: string, part?: 'key') => at(offsetIn(document, place, part), what);
  const mistakes = document.errors.map(({ code, pos }) =>
    at(pos[0], YAML_FAULTS[code] ?? 'this is not YAML; expected keys with values'),
  );
  // Few lines with aliases can stand for gigabytes.
  // guard: models-file-yaml-alias
  visit(document, (_, node) => {
    if (isAlias(node)) mistakes.push(at(node.range?.[0] ?? 0, 'expected a value and no alias of YAML (*name)'));
  });
  if (mistakes.length > 0) return { read: undefined, mistakes: inOrder(mistakes), mistakeAt };
  // guard: models-file-key
  visit(document, {
    Pair(_, { key }) {
      // An object with such a key is another object.
      if (!isScalar(key) || key.value === '__proto__') mistakes.push(at(offsetOfKey(key), 'expected another key'));
    },
  });
  const result = ModelsFile.safeParse(document.toJS() ?? {});
  for (const issue of result.error?.issues ?? []) {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    for (const key of keys) mistakes.push(mistakeAt(...mistakeOf(issue, key)));
  }
  if (result.data === undefined || mistakes.length > 0)
    return { read: undefined, mistakes: inOrder(mistakes), mistakeAt };
  const [read, found] = followed(result.data);
  return {
    read: found.length > 0 ? undefined : read,
    mistakes: inOrder(found.map((one) => mistakeAt(...one))),
    mistakeAt,
  };
}

type Mistake = [place: Place, what: string, part?: 'key'];

function offsetOfKey(key: unknown): number {
  return (Object(key) as { range?: [number] }).range?.[0] ?? 0;
}

function mistakeOf(issue: z.core.$ZodIssue, key: string | undefined): Mistake {
  const { path } = issue;
  const rule = path.map((one, index) => (index === 1 ? '*' : String(one))).join('.');
  if (key !== undefined) return [[...path, key], `an unknown key; ${expectedAt(rule)}`, 'key'];
  if (issue.code === 'invalid_key') return [path, `expected ${NAMES[String(path[0])] ?? 'another name'}`, 'key'];
  const own = issue.code === 'custom' && rule === 'upstreams.*.url' ? issue.message : undefined;
  return [path, own ?? expectedAt(rule)];
}

function expectedAt(rule: string): string {
  return `expected ${EXPECTED[rule] ?? 'another value'}`;
}

/** What names other things, followed to them; with all that leads nowhere. */
function followed({ upstreams, models, aliases, default: own }: ModelsFile): [ReadModels, Mistake[]] {
  const mistakes: Mistake[] = [];
  for (const [name, { upstream, name: asksFor }] of Object.entries(models)) {
    const isBuiltIn = BUILT_INS.has(upstream);
    // guard: models-file-upstream
    if (!isBuiltIn && !Object.hasOwn(upstreams, upstream))
      mistakes.push([['models', name, 'upstream'], expectedAt('models.*.upstream')]);
    // guard: models-file-built-in-name
    if (isBuiltIn && asksFor !== undefined)
      mistakes.push([['models', name, 'name'], 'expected no name, since a built-in processor has no other', 'key']);
  }
  for (const [name, { key_file, key_variable }] of Object.entries(upstreams)) {
    // guard: models-file-one-key
    if (key_file !== undefined && key_variable !== undefined)
      mistakes.push([['upstreams', name, 'key_variable'], 'expected either this or key_file', 'key']);
  }
  const ends: Record<string, string> = {};
  for (const [name, target] of Object.entries(aliases)) {
    // guard: models-file-name-twice
    if (Object.hasOwn(models, name))
      mistakes.push([['aliases', name], 'this name stands under models too; expected it once', 'key']);
    const end = endOf(target, name, aliases);
    // guard: alias-circle
    if (end === undefined) mistakes.push([['aliases', name], 'this alias leads back to itself; expected a model']);
    // guard: alias-target
    if (end !== undefined && !Object.hasOwn(models, end)) mistakes.push([['aliases', name], expectedAt('aliases.*')]);
    ends[name] = end ?? name;
  }
  const [first, ...further] = Object.keys(models);
  // guard: models-file-empty
  if (first === undefined) mistakes.push([['models'], expectedAt('models')]);
  const chosen = own ?? (further.length === 0 ? first : undefined);
  const isThere = chosen !== undefined && (Object.hasOwn(models, chosen) || Object.hasOwn(aliases, chosen));
  // guard: models-file-default
  if (!isThere && first !== undefined) mistakes.push([['default'], expectedAt('default')]);
  return [{ upstreams, models, aliases: ends, default: chosen ?? '' }, mistakes];
}

/** The first name behind an alias that is no alias; undefined where they lead in a circle. */
function endOf(target: string, name: string, aliases: Readonly<Record<string, string>>): string | undefined {
  const seen = new Set([name]);
  for (let end = target; !seen.has(end); ) {
    seen.add(end);
    const next = Object.hasOwn(aliases, end) ? aliases[end] : undefined;
    if (next === undefined) return end;
    end = next;
  }
  return undefined;
}
