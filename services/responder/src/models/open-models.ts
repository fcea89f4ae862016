import { dirname, resolve } from 'node:path';
import { Secret, utf8 } from '@bulla/crypto';
import type { Environment } from '@bulla/service-kit';
import { readBounded, SettingsError } from '@bulla/service-kit';
import { AnthropicModel } from './anthropic/anthropic.model.js';
import { ANTHROPIC_VERSIONS, isAnthropicVersion } from './anthropic/anthropic-request.js';
import { BUILT_INS } from './built-ins.js';
import { EchoModel } from './echo.model.js';
import { ExtractModel } from './extract.model.js';
import type { Model } from './model.js';
import type { ModelEntry } from './model-registry.js';
import { ModelRegistry } from './model-registry.js';
import { API_KEY_PATTERN, ggufPath, type ModelSettings, modelTimeouts, type NamedTarget } from './model-settings.js';
import type { FileMistake, Place, PlacedTarget, ReadModels } from './file/models-file.js';
import { GgufModel } from './gguf/gguf.model.js';
import { ggufMistake } from './gguf/llama.js';
import { OpenaiModel } from './openai.model.js';
import type { ModelTarget } from './resilience/model-target.js';

/** What says the one-line form; a file says all of it itself. */
const ONE_LINE = ['BULLA_LLM', 'BULLA_LLM_MODEL', 'BULLA_LLM_API_KEY'] as const;

/**
 * The models of these settings. They connect to nobody before the first run.
 * @param environment where a file may say that the key of a model server is.
 * @throws {SettingsError} naming file, line, column and what was expected; never a key
 */
export async function openModels(settings: ModelSettings, environment: Environment): Promise<ModelRegistry> {
  const { BULLA_MODELS_FILE: path } = settings;
  if (path === undefined) return oneModel(settings);
  const further = ONE_LINE.filter((name) => settings[name] !== undefined);
  // guard: models-file-alone
  if (further.length > 0)
    throw new SettingsError(
      further.map((name) => `${name}: both it and BULLA_MODELS_FILE are set; expected one of them`),
    );
  return modelsOfFile(path, settings, environment);
}

/** The registry of `BULLA_LLM`: one model, and at a model server every name that the server knows. */
function oneModel(settings: ModelSettings): ModelRegistry {
  const target: NamedTarget = settings.BULLA_LLM ?? { kind: 'extract' };
  if (target.kind === 'extract') return builtIn(new ExtractModel());
  if (target.kind === 'echo') return builtIn(new EchoModel());
  if (target.kind === 'gguf') {
    const mistake = ggufMistake(target.path);
    // guard: gguf-setting
    if (mistake !== undefined) throw new SettingsError([`BULLA_LLM: ${mistake}`]);
    return builtIn(new GgufModel(target.path, settings.BULLA_LLM_TIMEOUT_MS));
  }
  // A further kind is not of this type, so it does not compile.
  const { url }: Extract<NamedTarget, { kind: 'openai' }> = target;
  const model = new OpenaiModel({
    url,
    apiKey: settings.BULLA_LLM_API_KEY,
    timeouts: modelTimeouts(settings.BULLA_LLM_TIMEOUT_MS),
  });
  const timeoutMs = settings.BULLA_LLM_TIMEOUT_MS;
  const asksFor = settings.BULLA_LLM_MODEL;
  const name = asksFor ?? 'default';
  const others = { targets: [{ model, upstream: model.name }], timeoutMs, isAskedOnce: true };
  const own = { ...others, targets: [{ model, upstream: model.name, asksFor }] };
  return new ModelRegistry({ models: new Map([[name, own]]), default: name, others });
}

function builtIn(model: Model): ModelRegistry {
  const entry = { targets: [{ model, upstream: model.name }] };
  return new ModelRegistry({ models: new Map([[model.name, entry]]), default: model.name });
}

async function modelsOfFile(path: string, settings: ModelSettings, environment: Environment): Promise<ModelRegistry> {
  const bytes = readBounded(path)?.bytes;
  if (bytes === undefined) throw new SettingsError([`BULLA_MODELS_FILE: ${path} cannot be read, or is too long`]);
  // The reader of YAML is loaded where there is a file.
  const { readModels } = await import('./file/models-file.js');
  const { read, mistakes, mistakeAt } = readModels(bytes.toString('utf8'));
  if (read === undefined) throw refusal(path, mistakes);
  const keys = new UpstreamKeys(dirname(resolve(path)), environment);
  const upstreams = new Map<string, OpenedUpstream>([...BUILT_INS].map(([name, make]) => [name, { model: make() }]));
  for (const [name, upstream] of Object.entries(read.upstreams)) {
    const timeoutMs = upstream.timeout_ms ?? settings.BULLA_LLM_TIMEOUT_MS;
    upstreams.set(name, { model: modelOf(upstream, keys.read(name, upstream), timeoutMs), timeoutMs });
  }
  const faults = [...keys.faults];
  for (const { upstream, place } of ggufTargets(read)) {
    const file = resolve(dirname(resolve(path)), ggufPath(upstream) ?? '');
    const mistake = ggufMistake(file);
    if (mistake !== undefined) faults.push({ place, what: mistake });
    upstreams.set(upstream, openedGguf(file, settings.BULLA_LLM_TIMEOUT_MS));
  }
  if (faults.length > 0)
    throw refusal(
      path,
      faults.map(({ place, what }) => mistakeAt(place, what)),
    );
  return registryOf(read, upstreams);
}

/** Each file of a model that is named, once, with its first place. */
function ggufTargets({ models }: ReadModels): { readonly upstream: string; readonly place: Place }[] {
  const all = Object.values(models).flatMap(({ targets, fallbacks }) => [...targets, ...fallbacks]);
  const found = all.filter(({ upstream }) => ggufPath(upstream) !== undefined);
  return [
    ...new Map(found.map(({ upstream, place }) => [upstream, { upstream, place: [...place, 'upstream'] }])).values(),
  ];
}

function openedGguf(path: string, timeoutMs: number): OpenedUpstream {
  return { model: new GgufModel(path, timeoutMs), timeoutMs };
}

/** A model server, and the longest that a run may wait for it. */
interface OpenedUpstream {
  readonly model: Model;
  readonly timeoutMs?: number;
}

function modelOf(upstream: ReadModels['upstreams'][string], apiKey: Secret | undefined, timeoutMs: number): Model {
  const { kind, url, concurrent: concurrentMax, api_version: version, thinking_budget: thinkingBudget } = upstream;
  const options = { url, apiKey, timeouts: modelTimeouts(timeoutMs), concurrentMax };
  if (kind !== 'anthropic') return new OpenaiModel({ ...options, azureVersion: version });
  const known = version !== undefined && isAnthropicVersion(version) ? version : ANTHROPIC_VERSIONS[0];
  return new AnthropicModel({ ...options, version: known, thinkingBudget });
}

function registryOf(
  { models, aliases, default: own, currency }: ReadModels,
  upstreams: ReadonlyMap<string, OpenedUpstream>,
): ModelRegistry {
  const entryOf = (name: string, { targets, fallbacks }: ReadModels['models'][string]): ModelEntry => {
    const used = [...targets, ...fallbacks].map(({ upstream }) => upstreams.get(upstream)?.timeoutMs ?? 0);
    const longest = Math.max(...used);
    return {
      targets: targets.flatMap((target) => targetOf(name, target, upstreams)),
      fallbacks: fallbacks.flatMap((target) => targetOf(name, target, upstreams)),
      timeoutMs: longest === 0 ? undefined : longest,
    };
  };
  return new ModelRegistry({
    models: new Map(Object.entries(models).map(([name, entry]) => [name, entryOf(name, entry)])),
    aliases: new Map(Object.entries(aliases)),
    default: own,
    currency,
  });
}

function targetOf(
  name: string,
  { upstream, name: asksFor = name, can, weight, price }: PlacedTarget,
  upstreams: ReadonlyMap<string, OpenedUpstream>,
): ModelTarget[] {
  const opened = upstreams.get(upstream);
  if (opened === undefined) return [];
  // Where a file lies is nobody's business but the operator's.
  const shown = ggufPath(upstream) === undefined ? upstream : opened.model.name;
  return [{ weight, price, model: opened.model, upstream: shown, asksFor, can: can && new Set(can) }];
}

function refusal(path: string, mistakes: readonly FileMistake[]): SettingsError {
  return new SettingsError(
    mistakes.map(({ line, column, what }) => `BULLA_MODELS_FILE: ${path}:${line}:${column}: ${what}`),
  );
}

/** Reads the keys that a file names, and keeps what is wrong with them. */
class UpstreamKeys {
  readonly faults: { readonly place: Place; readonly what: string }[] = [];

  constructor(
    private readonly folder: string,
    private readonly environment: Environment,
  ) {}

  read(name: string, { key_file: file, key_variable: variable }: ReadModels['upstreams'][string]): Secret | undefined {
    if (file !== undefined) {
      const text = readBounded(resolve(this.folder, file))
        ?.bytes.toString('latin1')
        .replace(/\r?\n$/, '');
      return this.#key(['upstreams', name, 'key_file'], text, 'the path of a file that can be read');
    }
    if (variable === undefined) return undefined;
    const text = this.environment[variable];
    return this.#key(['upstreams', name, 'key_variable'], text === '' ? undefined : text, 'a variable that is set');
  }

  #key(place: Place, text: string | undefined, source: string): Secret | undefined {
    // guard: models-key-text without: if (text !== undefined)
    if (text !== undefined && API_KEY_PATTERN.test(text)) return new Secret(utf8(text));
    const what = text === undefined ? source : 'what is named to hold a key of visible ASCII characters without spaces';
    this.faults.push({ place, what: `expected ${what}` });
    return undefined;
  }
}
