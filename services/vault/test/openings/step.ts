import { deepEqual, equal } from 'node:assert/strict';
import type fc from 'fast-check';
import type { KnownPrompt, KnownVersion, Model } from './model.js';
import type { PushedVersion, World } from './world.js';

/** Whether the vault did it, and whether it may by the model. */
export interface Outcome {
  readonly isDone: boolean;
  readonly may: boolean;
}

/**
 * One thing that happens in a walk, to the vault and to the model. Both agree on whether it is done, and on what is stored
 * after it: the keys that each version is sealed to, and whether the vault has one.
 */
export abstract class Step implements fc.AsyncCommand<Model, World> {
  /** How it is counted. */
  abstract readonly kind: string;

  /** Whether it can happen; whether it may, is for the vault to say. */
  check(_model: Readonly<Model>): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    const { isDone, may } = await this.play(model, world);
    equal(isDone ? 'done' : 'refused', may ? 'done' : 'refused');
    world.count(`${this.kind}: ${isDone ? 'done' : 'refused'}`);
    const stored = (await world.stored()).map((versions) =>
      versions.map(({ grants, isWrapped }) => told(grants, isWrapped)),
    );
    const known = model.prompts.map(({ versions }) => versions.map(({ grants, isWrapped }) => told(grants, isWrapped)));
    deepEqual(stored, known);
  }

  protected abstract play(model: Model, world: World): Promise<Outcome>;
  abstract toString(): string;
}

/** What is compared of a version: whose keys it is sealed to, and whether the vault has its key. */
function told(grants: ReadonlyMap<string, unknown>, isWrapped: boolean): readonly string[] {
  return [...[...grants.keys()].toSorted(), ...(isWrapped ? ['the vault'] : [])];
}

/** A version as the model knows it, and as its author made it. */
export interface Picked {
  readonly prompt: KnownPrompt;
  readonly version: KnownVersion;
  readonly pushed: PushedVersion;
}

/** All versions that there are. */
export function versionsOf(model: Readonly<Model>, world: World): Picked[] {
  return model.prompts.flatMap((prompt, at) =>
    prompt.versions.map((version, index) => {
      const pushed = world.versions[at]?.[index];
      if (pushed === undefined) throw new Error('model and world have the same versions');
      return { prompt, version, pushed };
    }),
  );
}

/** A step about a version that is there. */
export abstract class StepOfVersion extends Step {
  /** @param drawn any number: one of the versions that there are by then. */
  constructor(protected readonly drawn: number) {
    super();
  }

  override check({ prompts }: Readonly<Model>): boolean {
    return prompts.some(({ versions }) => versions.length > 0);
  }

  protected play(model: Model, world: World): Promise<Outcome> {
    const all = versionsOf(model, world);
    const picked = all[this.drawn % all.length];
    if (picked === undefined) throw new Error('there is a version');
    return this.playOn(picked, model, world);
  }

  protected abstract playOn(picked: Picked, model: Model, world: World): Promise<Outcome>;
}
