import type { Model, ModelRequest, ModelUsage } from './model.js';
import type { ModelCapability } from '@bulla/contract';
import { needsOf } from './needs.js';
import { ModelError } from './model-error.js';
import { costInNanos } from './model-price.js';
import type { Entropy } from './resilience/drawn-order.js';
import { drawnOrder } from './resilience/drawn-order.js';
import { ModelCall } from './resilience/model-call.js';
import type { ModelTarget } from './resilience/model-target.js';
import { UpstreamGuard } from './resilience/upstream-guard.js';

/** Who answers a name. */
export interface ModelEntry {
  /** They share what is asked, by weight. */
  readonly targets: readonly ModelTarget[];
  /** Asked in this order where none of the targets began to answer. */
  readonly fallbacks?: readonly ModelTarget[] | undefined;
  /** The longest that all of them together may take. */
  readonly timeoutMs?: number | undefined;
  /** Whether each question is one request, whatever became of others: what `BULLA_LLM` promises. */
  readonly isAskedOnce?: boolean | undefined;
}

export interface RegistryParts {
  /** By the names that prompts say. */
  readonly models: ReadonlyMap<string, ModelEntry>;
  /** Further names, each with the model that it stands for. */
  readonly aliases?: ReadonlyMap<string, string> | undefined;
  /** The name of what answers prompts that name no model. */
  readonly default: string;
  /** Answers every other name, which it knows itself. Without it other names are refused. */
  readonly others?: ModelEntry | undefined;
  /** What prices are in: three letters of ISO 4217. */
  readonly currency?: string | undefined;
  /** What decides among equals. */
  readonly entropy?: Entropy | undefined;
}

/** One name that a prompt may say. */
export interface NamedModel {
  readonly name: string;
  readonly isDefault: boolean;
  /** The name that it stands for. */
  readonly aliasOf?: string;
  readonly targets: readonly ModelTarget[];
  readonly fallbacks: readonly ModelTarget[];
}

/** Says who answers which name: the one place where the name in a prompt becomes a model. */
export class ModelRegistry {
  readonly #parts: RegistryParts;
  readonly #default: ModelEntry;
  /** One for each model server, for all names that are answered there. */
  readonly #guards: ReadonlyMap<Model, UpstreamGuard>;

  /** @throws {Error} when a name stands for nothing */
  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#default = this.#required(parts.default);
    for (const name of parts.aliases?.values() ?? []) this.#required(name);
    const entries = [...parts.models.values(), ...(parts.others === undefined ? [] : [parts.others])];
    const targets = entries.flatMap(allOf);
    this.#guards = new Map(targets.map(({ model }) => [model, new UpstreamGuard(model)]));
  }

  /** Answers prompts that name no model. */
  get own(): Model {
    return firstOf(this.#default).model;
  }

  /** Whether names that are not in the list are asked for too. */
  get takesOthers(): boolean {
    return this.#parts.others !== undefined;
  }

  /** Everything that answers, each once. */
  get all(): readonly Model[] {
    return [...this.#guards.keys()];
  }

  /** Whether each server is left alone now, by the name that the registry has for it. */
  get resting(): ReadonlyMap<string, boolean> {
    const { models, others } = this.#parts;
    const targets = [...models.values(), ...(others === undefined ? [] : [others])].flatMap(allOf);
    return new Map(targets.map((target) => [target.upstream, this.#guardOf(target).isResting]));
  }

  /** What prices are in: three letters of ISO 4217; undefined where no model has a price. */
  get currency(): string | undefined {
    return this.#parts.currency;
  }

  /** The names that prompts may say, in their order. */
  list(): NamedModel[] {
    const { models, aliases = new Map<string, string>(), default: own } = this.#parts;
    const named = (name: string, { targets, fallbacks = [] }: ModelEntry) => ({
      name,
      isDefault: name === own,
      targets,
      fallbacks,
    });
    return [
      ...[...models].map(([name, entry]) => named(name, entry)),
      ...[...aliases].map(([name, aliasOf]) => ({ ...named(name, this.#required(aliasOf)), aliasOf })),
    ];
  }

  /**
   * What a usage of a model costs where it is asked first, in whole billionths of a unit of {@link currency}.
   * A run knows better who answered: `costOf` of its {@link ModelCall}.
   * @returns undefined where the name, its price or its tokens are not known
   */
  costOf(name: string, usage: Partial<ModelUsage>): number | undefined {
    const entry = this.#find(name);
    return entry && costInNanos(usage, firstOf(entry).price);
  }

  /**
   * Who answers a request.
   * @throws {ModelError} model_not_allowed when its name stands for nothing; the name is not repeated
   * @throws {ModelError} model_incapable when nothing behind its name can do what it needs; nobody is asked
   */
  callFor(request: ModelRequest): ModelCall {
    const { model: wanted } = request;
    const name = wanted === undefined || wanted === 'default' ? this.#parts.default : wanted;
    const { targets, fallbacks = [], timeoutMs, isAskedOnce } = this.#named(name);
    const needed = needsOf(request);
    const able = (target: ModelTarget) => lackOf(target, needed) === undefined;
    const order = [
      ...drawnOrder(targets.filter(able), ({ weight = 1 }) => weight, this.#parts.entropy),
      ...fallbacks.filter(able),
    ];
    const [first] = order;
    // guard: model-incapable
    if (first === undefined) throw incapable([...targets, ...fallbacks], needed);
    return new ModelCall({
      request,
      registeredAs: this.#registeredName(name),
      order: order.map((target) => ({ target, guard: this.#guardOf(target) })),
      timeoutMs,
      isAskedOnce,
    });
  }

  /** Gives up idle connections. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((model) => model.close()));
  }

  #guardOf({ model }: ModelTarget): UpstreamGuard {
    const guard = this.#guards.get(model);
    if (guard === undefined) throw new Error('a target of no server of the registry');
    return guard;
  }

  #named(name: string): ModelEntry {
    const { others } = this.#parts;
    const entry =
      this.#find(name) ??
      (others && { ...others, targets: others.targets.map((target) => ({ ...target, asksFor: name })) });
    // guard: model-unlisted
    if (entry === undefined) throw new ModelError('model_not_allowed', 'the prompt names a model that is not one here');
    return entry;
  }

  /** The name as the registry knows it, aliases followed; undefined for one that is only known to a server. */
  #registeredName(name: string): string | undefined {
    const { models, aliases } = this.#parts;
    const end = aliases?.get(name) ?? name;
    return models.has(end) ? end : undefined;
  }

  #find(name: string): ModelEntry | undefined {
    const { models, aliases } = this.#parts;
    return models.get(aliases?.get(name) ?? name);
  }

  #required(name: string): ModelEntry {
    const entry = this.#find(name);
    if (entry === undefined) throw new Error('a name of the registry stands for no model');
    return entry;
  }
}

function allOf({ targets, fallbacks = [] }: ModelEntry): readonly ModelTarget[] {
  return [...targets, ...fallbacks];
}

function firstOf({ targets: [first] }: ModelEntry): ModelTarget {
  if (first === undefined) throw new Error('a name of the registry has no target');
  return first;
}

/** What a target is known not to do. */
function lackOf({ can, model }: ModelTarget, needed: readonly ModelCapability[]): ModelCapability | undefined {
  return needed.find((one) => can?.has(one) === false || model.can?.has(one) === false);
}

/** Names what no target does; where each lacks something else, what the first one lacks. */
function incapable(targets: readonly ModelTarget[], needed: readonly ModelCapability[]): ModelError {
  const everywhere = needed.find((one) => targets.every((target) => lackOf(target, [one]) !== undefined));
  const [first] = targets;
  const lacking = everywhere ?? (first && lackOf(first, needed)) ?? 'chat';
  return new ModelError('model_incapable', `no model behind this name does what the question needs: ${lacking}`, {
    cause: `needs_${lacking}`,
  });
}
