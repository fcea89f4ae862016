import { VARIABLE_PATTERN } from '@bulla/contract';
import { PARAMETER_NAMES, parseUrn } from '@bulla/crypto';
import type { Document, YAMLError } from 'yaml';
import * as z from 'zod';
import { closestTo } from './closest-word.js';
import { MODEL_KEYS, modelSchema, PARAMETER_RULES } from './model-parameters.js';
import type { PromptFileMistake } from './prompt-file-error.js';
import { quoted } from '../output/visible-text.js';
import { yaml } from './yaml.js';

/** Longest value of a variable in characters. */
export const VALUE_MAX = 65_536;
const LIST_MAX = 64;
const GROUP_PATTERN = /^grp:[a-z0-9][a-z0-9._-]{0,63}$/;

const groups = z.array(z.string().regex(GROUP_PATTERN)).max(LIST_MAX).optional();
const responders = z.array(z.string().refine(isResponder)).max(LIST_MAX).optional();
const Declaration = z
  .strictObject({
    type: z.literal('string').default('string'),
    max: z.int().min(1).max(VALUE_MAX).default(VALUE_MAX),
    default: z.string().max(VALUE_MAX).optional(),
  })
  .refine(({ max, default: initial }) => (initial ?? '').length <= max, { path: ['default'] });
const FrontMatter = z.strictObject({
  type: z.enum(['text', 'chat']).default('text'),
  model: modelSchema.default({ name: 'default' }),
  vars: z.record(z.string().regex(VARIABLE_PATTERN), Declaration).optional(),
  acl: z.strictObject({ invoke: groups, read: groups, responders }).optional(),
  messages: z.boolean().default(false),
  parameters: z
    .array(z.enum(PARAMETER_NAMES))
    .min(1)
    .refine((names) => new Set(names).size === names.length)
    .optional(),
});
/** What front matter says, with what it leaves out filled in. */
export type FrontMatter = z.infer<typeof FrontMatter>;

const NAME_RULE = 'letters, digits and _, no digit first, at most 64 characters';
const GROUPS = `a list of at most ${LIST_MAX} groups, such as [grp:authors]`;
const FILE_KEYS = ['type', 'model', 'vars', 'acl', 'messages', 'parameters'] as const;
/** What is allowed where: by the path of a place, in which `*` stands for any name or number. */
const ALLOWED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(PARAMETER_NAMES.map((name) => [`model.${name}`, PARAMETER_RULES[name]])),
  '': `keys with values: ${FILE_KEYS.join(', ')}`,
  type: 'text or chat',
  model: `keys with values: ${MODEL_KEYS.join(', ')}`,
  'model.name': 'a name of 1 to 128 characters that all show, without a space at an end',
  'model.max_output_tokens': 'a whole number from 1 to 1,000,000',
  vars: 'the names of variables, each with its keys, such as claim: {max: 20000}',
  'vars.*': 'keys with values: type, max, default; {} for a text that must be given',
  'vars.*.type': 'string',
  'vars.*.max': 'a whole number from 1 to 65,536',
  'vars.*.default': 'a text no longer than max; a number or true stands in quotes',
  acl: 'keys with values: invoke, read, responders',
  'acl.invoke': GROUPS,
  'acl.read': GROUPS,
  'acl.invoke.*': 'a group, such as grp:members',
  'acl.read.*': 'a group, such as grp:authors',
  'acl.responders': `a list of at most ${LIST_MAX} responders, such as [urn:bulla:dev:svc:responder:local]`,
  'acl.responders.*': 'the URN of a responder, such as urn:bulla:dev:svc:responder:local',
  messages: 'true or false',
  parameters: 'a list of what askers may set, each once, such as [temperature]',
  'parameters.*': `one of ${PARAMETER_NAMES.join(', ')}`,
};
/** Which keys there are, by the path of what has them. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': FILE_KEYS,
  model: MODEL_KEYS,
  'vars.*': ['type', 'max', 'default'],
  acl: ['invoke', 'read', 'responders'],
};
/** The error for invalid YAML, in our words: the parser's own words may repeat the text of the file. */
const YAML_FAULTS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  DUPLICATE_KEY: 'this key stands twice',
  TAB_AS_INDENT: 'a tab indents this line; YAML takes spaces',
  BAD_INDENT: 'this line is not indented as YAML needs it, or a bracket before it is not closed',
  MISSING_CHAR: 'a quote or a bracket is not closed before this line',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon stands in this line; a value with a colon and a space stands in quotes',
  BAD_SCALAR_START: 'a value cannot begin with this character; put it in quotes',
};

/** Front matter that was read, right or wrong. */
export interface ReadFrontMatter {
  /** Undefined where anything is wrong with it. */
  readonly settings: FrontMatter | undefined;
  readonly isChat: boolean;
  /** The variables it declares; undefined where it declares none, and then those of the text count. */
  readonly declared: readonly string[] | undefined;
  readonly mistakes: readonly PromptFileMistake[];
}

/** Reads front matter, the YAML between two lines `---`, and everything that is wrong with it. */
export function readFrontMatter(front: string): ReadFrontMatter {
  const mistakes: PromptFileMistake[] = [];
  const counter = new (yaml().LineCounter)();
  const document = yaml().parseDocument(front, {
    uniqueKeys: true,
    merge: false,
    schema: 'core',
    lineCounter: counter,
  });
  // Counted from the first line of the file, which is the opening ---.
  const lineAt = (offset: number) => counter.linePos(offset).line + 1;
  for (const { code, pos } of document.errors)
    mistakes.push({ line: lineAt(pos[0]), what: YAML_FAULTS[code] ?? 'this is not valid YAML' });
  // Few lines with aliases can stand for gigabytes.
  yaml().visit(document, {
    Alias: (_, { range }) => {
      mistakes.push({ line: lineAt(range?.[0] ?? 0), what: 'an alias (*name) is not allowed; write the value out' });
    },
  });
  if (mistakes.length > 0) return { settings: undefined, isChat: false, declared: undefined, mistakes };
  const value: unknown = document.toJS({ maxAliasCount: 0 }) ?? {};
  const result = FrontMatter.safeParse(value);
  const vars = valueAt(value, ['vars']);
  const read = {
    settings: result.data,
    isChat: valueAt(value, ['type']) === 'chat',
    declared: vars === undefined ? undefined : Object.keys(Object(vars) as object),
    mistakes,
  };
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path.map(String);
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    for (const key of keys) {
      const isKey = issue.code === 'invalid_key';
      const offset = isKey ? offsetOf(document, path.slice(0, -1), path.at(-1)) : offsetOf(document, path, key);
      mistakes.push({
        line: offset === undefined ? undefined : lineAt(offset),
        at: placeOf(isKey ? path.slice(0, -1) : path),
        what: wordsOf(path, key, issue.code, valueAt(value, path)),
      });
    }
  }
  return read;
}

/** The line of the file at which a place of good front matter stands. */
export function lineOfPlace(front: string, path: readonly string[]): number | undefined {
  const counter = new (yaml().LineCounter)();
  const offset = offsetOf(yaml().parseDocument(front, { lineCounter: counter }), path, undefined);
  return offset === undefined ? undefined : counter.linePos(offset).line + 1;
}

/** `acl.read[0]`; undefined for all of it. */
function placeOf(path: readonly string[]): string | undefined {
  return path.length === 0
    ? undefined
    : path.reduce((all, one) => (/^\d+$/.test(one) ? `${all}[${one}]` : `${all}.${one}`));
}

function wordsOf(path: readonly string[], key: string | undefined, code: string, value: unknown): string {
  const rule = path.map((one, at) => ((at === 1 && path[0] === 'vars') || /^\d+$/.test(one) ? '*' : one)).join('.');
  if (key !== undefined) {
    const keys = KEYS[rule] ?? [];
    const meant = closestTo(key, keys);
    return `unknown key ${quoted(key)}${meant === undefined ? '' : `, did you mean ${meant}?`}; allowed: ${keys.join(', ')}`;
  }
  if (code === 'invalid_key') return `${quoted(path.at(-1) ?? '')} is no name of a variable; allowed: ${NAME_RULE}`;
  const isGroup = rule === 'acl.invoke.*' || rule === 'acl.read.*';
  const meant =
    isGroup && typeof value === 'string' && GROUP_PATTERN.test(`grp:${value}`) ? `; write grp:${value}` : '';
  return `expected ${allowedAt(rule)}${meant}`;
}

/** Of a place without words of its own, those of what holds it. */
function allowedAt(rule: string): string {
  return (
    ALLOWED[rule] ?? (rule === '' ? 'something else' : allowedAt(rule.slice(0, Math.max(rule.lastIndexOf('.'), 0))))
  );
}

function isResponder(urn: string): boolean {
  const parsed = urn.length > 256 ? undefined : parseUrn(urn);
  return parsed?.kind === 'svc' && parsed.id.startsWith('responder:');
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (Object(at) as Record<string, unknown>)[key], value);
}

/** Where in the YAML a value begins, or a key of it; of what is absent, what would hold it. */
function offsetOf(document: Document, path: readonly string[], key: string | undefined): number | undefined {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (node === undefined && path.length > 0) return offsetOf(document, path.slice(0, -1), path.at(-1));
  const pair = yaml().isMap(node)
    ? node.items.find((item) => yaml().isScalar(item.key) && String(item.key.value) === key)
    : undefined;
  const found = pair?.key ?? node;
  return yaml().isNode(found) ? found.range?.[0] : undefined;
}
