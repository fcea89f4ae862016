import type { Model, ModelRequest } from './model.js';
import { ModelError } from './model-error.js';

/** What a name stands for. */
export interface ModelTarget {
  readonly model: Model;
  /** Which model is asked for there; undefined: the only one that the server lists. */
  readonly asksFor?: string | undefined;
}

export interface RegistryParts {
  /** By the names that prompts say. */
  readonly models: ReadonlyMap<string, ModelTarget>;
  /** Further names, each with the model that it stands for. */
  readonly aliases?: ReadonlyMap<string, string> | undefined;
  /** The name of what answers prompts that name no model. */
  readonly default: string;
  /** Answers every other name, which it knows itself. Without it other names are refused. */
  readonly others?: Model | undefined;
}

/** A request, and the model that it is for. */
export interface ModelCall {
  readonly model: Model;
  readonly request: ModelRequest;
}

/** One name that a prompt may say. */
export interface NamedModel {
  readonly name: string;
  readonly isDefault: boolean;
  /** The name that it stands for. */
  readonly aliasOf?: string;
}

/** Says who answers which name: the one place where the name in a prompt becomes a model. */
export class ModelRegistry {
  readonly #parts: RegistryParts;
  readonly #default: ModelTarget;

  /** @throws {Error} when a name stands for nothing */
  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#default = this.#required(parts.default);
    for (const name of parts.aliases?.values() ?? []) this.#required(name);
  }

  /** Answers prompts that name no model. */
  get own(): Model {
    return this.#default.model;
  }

  /** Whether names that are not in the list are asked for too. */
  get takesOthers(): boolean {
    return this.#parts.others !== undefined;
  }

  /** Everything that answers, each once. */
  get all(): readonly Model[] {
    const { models, others } = this.#parts;
    return [...new Set([...models.values()].map(({ model }) => model).concat(others ?? []))];
  }

  /** The names that prompts may say, in their order. */
  list(): NamedModel[] {
    const { models, aliases = new Map<string, string>(), default: own } = this.#parts;
    return [
      ...[...models.keys()].map((name) => ({ name, isDefault: name === own })),
      ...[...aliases].map(([name, aliasOf]) => ({ name, isDefault: name === own, aliasOf })),
    ];
  }

  /**
   * Who answers a request, and the request as they understand it.
   * @throws {ModelError} model_not_allowed when its name stands for nothing; the name is not repeated
   */
  callFor(request: ModelRequest): ModelCall {
    const { model: wanted } = request;
    const { model, asksFor } = wanted === undefined || wanted === 'default' ? this.#default : this.#named(wanted);
    return { model, request: { ...request, model: asksFor } };
  }

  /** Gives up idle connections. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((model) => model.close()));
  }

  #named(name: string): ModelTarget {
    const { others } = this.#parts;
    const target = this.#find(name) ?? (others && { model: others, asksFor: name });
    // guard: model-unlisted
    if (target === undefined)
      throw new ModelError('model_not_allowed', 'the prompt names a model that is not one here');
    return target;
  }

  #find(name: string): ModelTarget | undefined {
    const { models, aliases } = this.#parts;
    return models.get(aliases?.get(name) ?? name);
  }

  #required(name: string): ModelTarget {
    const target = this.#find(name);
    if (target === undefined) throw new Error('a name of the registry stands for no model');
    return target;
  }
}
