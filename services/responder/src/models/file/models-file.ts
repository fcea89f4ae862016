import type { YAMLError } from 'yaml';
import { isAlias, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type * as z from 'zod';
import { isAnthropicVersion } from '../anthropic/anthropic-request.js';
import { BUILT_INS } from '../built-ins.js';
import { ggufPath } from '../model-settings.js';
import type { FileTarget } from './models-file-schema.js';
import { expectedAt, expectedName, ModelsFile } from './models-file-schema.js';
import { offsetIn } from './yaml-places.js';

/** One thing that is wrong in the file: where, counted from 1, and what was expected; never what stands there. */
export interface FileMistake {
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

/** A place in the file: the names of keys from the outermost on. */
export type Place = readonly PropertyKey[];

/** What a file says of one model: who shares what is asked, and who is asked where they fail. */
interface ReadEntry {
  readonly targets: readonly PlacedTarget[];
  readonly fallbacks: readonly PlacedTarget[];
}

/** A target, and where the file says it. */
export interface PlacedTarget extends FileTarget {
  readonly place: Place;
}

/** What a file says, with every alias followed to its model. */
export interface ReadModels extends Pick<ModelsFile, 'upstreams' | 'aliases' | 'currency'> {
  readonly models: Readonly<Record<string, ReadEntry>>;
  readonly default: string;
}

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
  if (key !== undefined) return [[...path, key], `an unknown key; ${expectedAt(path)}`, 'key'];
  if (issue.code === 'invalid_key') return [path, expectedName(path[0]), 'key'];
  return [path, issue.code === 'custom' && path[2] === 'url' ? issue.message : expectedAt(path)];
}

/** What names other things, followed to them; with all that leads nowhere. */
function followed(file: ModelsFile): [ReadModels, Mistake[]] {
  const { upstreams, models, aliases, default: own, currency } = file;
  const mistakes = [...upstreamMistakes(upstreams), ...modelMistakes(file)];
  const ends: Record<string, string> = {};
  for (const [name, target] of Object.entries(aliases)) {
    // guard: models-file-name-twice
    if (Object.hasOwn(models, name))
      mistakes.push([['aliases', name], 'this name stands under models too; expected it once', 'key']);
    const end = endOf(target, name, aliases);
    // guard: alias-circle
    if (end === undefined) mistakes.push([['aliases', name], 'this alias leads back to itself; expected a model']);
    // guard: alias-target
    if (end !== undefined && !Object.hasOwn(models, end)) mistakes.push(wrong(['aliases', name]));
    ends[name] = end ?? name;
  }
  const [first, ...further] = Object.keys(models);
  // guard: models-file-empty
  if (first === undefined) mistakes.push(wrong(['models']));
  const chosen = own ?? (further.length === 0 ? first : undefined);
  const isThere = chosen !== undefined && (Object.hasOwn(models, chosen) || Object.hasOwn(aliases, chosen));
  // guard: models-file-default
  if (!isThere && first !== undefined) mistakes.push(wrong(['default']));
  const entries = Object.fromEntries(
    Object.entries(models).map(([name, entry]) => [name, entryOf(entry, ['models', name])]),
  );
  return [{ upstreams, models: entries, aliases: ends, default: chosen ?? '', currency }, mistakes];
}

const wrong = (place: Place): Mistake => [place, expectedAt(place)];

function upstreamMistakes(upstreams: ModelsFile['upstreams']): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const [name, upstream] of Object.entries(upstreams)) {
    const { kind, key_file, key_variable, thinking_budget } = upstream;
    // guard: models-file-one-key
    if (key_file !== undefined && key_variable !== undefined)
      mistakes.push([['upstreams', name, 'key_variable'], 'expected either this or key_file', 'key']);
    // guard: models-file-api-version
    if (!hasRightVersion(upstream)) mistakes.push(wrong(['upstreams', name, 'api_version']));
    // guard: models-file-thinking
    if (thinking_budget !== undefined && kind !== 'anthropic')
      mistakes.push(wrong(['upstreams', name, 'thinking_budget']));
  }
  return mistakes;
}

function hasRightVersion({ kind, api_version: version }: ModelsFile['upstreams'][string]): boolean {
  if (kind === 'anthropic') return version === undefined || isAnthropicVersion(version);
  return (kind === 'azure') === (version !== undefined);
}

function modelMistakes({ upstreams, models, currency }: ModelsFile): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const [name, entry] of Object.entries(models)) {
    const place = ['models', name];
    // guard: models-file-one-form
    if ((entry.upstream === undefined) === (entry.targets === undefined)) mistakes.push(wrong(place));
    const own = (['name', 'can', 'price'] as const).find((key) => entry[key] !== undefined);
    // guard: models-file-own-target
    if (entry.targets !== undefined && own !== undefined)
      mistakes.push([[...place, own], 'expected this in each of targets', 'key']);
    for (const { place: at, ...target } of placesOf(entry, place)) {
      const isBuiltIn = BUILT_INS.has(target.upstream) || ggufPath(target.upstream) !== undefined;
      // guard: models-file-upstream
      if (!isBuiltIn && !Object.hasOwn(upstreams, target.upstream)) mistakes.push(wrong([...at, 'upstream']));
      // guard: models-file-built-in-name
      if (isBuiltIn && target.name !== undefined)
        mistakes.push([[...at, 'name'], 'expected no name, since a built-in processor has no other', 'key']);
      // guard: models-file-can
      if (target.can !== undefined && !isUseful(target.can)) mistakes.push(wrongCan(at));
      // guard: models-file-currency
      if (target.price !== undefined && currency === undefined)
        mistakes.push([[...at, 'price'], 'expected currency beside models too, such as currency: USD', 'key']);
    }
  }
  return mistakes;
}

/** Tools and all the rest are part of a chat; nothing is said twice. */
function isUseful(can: readonly string[]): boolean {
  const asksForChat = can.some((one) => one !== 'embeddings');
  return new Set(can).size === can.length && (!asksForChat || can.includes('chat'));
}

function wrongCan(place: Place): Mistake {
  const at = [...place, 'can'];
  return [at, `${expectedAt(at)}; chat is there beside all but embeddings`];
}

type FileEntry = ModelsFile['models'][string];

/** Every target of a model. */
function placesOf(entry: FileEntry, place: Place): PlacedTarget[] {
  const { targets, fallbacks } = entryOf(entry, place);
  return [...targets, ...fallbacks];
}

/** The one target of a model that says itself where it is. */
function aloneIn({ upstream, name, can, price }: FileEntry): FileTarget | undefined {
  return upstream === undefined ? undefined : { upstream, name, can, price };
}

function entryOf(entry: FileEntry, place: Place): ReadEntry {
  const alone = aloneIn(entry);
  const listed = (key: 'targets' | 'fallbacks') =>
    (entry[key] ?? []).map((target, index) => ({ ...target, place: [...place, key, index] }));
  const targets = listed('targets');
  return {
    targets: alone === undefined ? targets : [{ ...alone, place }, ...targets],
    fallbacks: listed('fallbacks'),
  };
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
