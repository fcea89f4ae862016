import { keysOf } from '../renewing.js';
import type { Model, Who } from './model.js';
import type { Outcome, Picked } from './step.js';
import { Step, StepOfVersion } from './step.js';
import type { World } from './world.js';

const KEYS_MAX = 3;

/** A responder gets a new encryption key beside those that it has. */
export class Renew extends Step {
  readonly kind = 'renew';

  override check(model: Readonly<Model>): boolean {
    return model.isIn('far') && model.activeOf('far').length < KEYS_MAX;
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const { kid, listing } = await world.people.renew('far');
    const isDone = await world.publish(listing);
    model.activeOf('far').unshift(kid);
    return { isDone, may: true };
  }

  toString(): string {
    return 'far gets a new key';
  }
}

/** A holder gives what it opens to a further key: a responder to its newest, a person to another device. */
export class Move extends StepOfVersion {
  readonly kind = 'move';

  constructor(
    drawn: number,
    private readonly by: Who,
    private readonly to: Who,
  ) {
    super(drawn);
  }

  protected async playOn({ prompt, version, pushed }: Picked, model: Model, world: World): Promise<Outcome> {
    const to = world.people.recipient(this.to);
    const grant = await world.grant(pushed, this.by, to, model.opens(this.by, version));
    const { status, body } = await world.client(this.by).post('/api/v1/grants', { grants: [grant] });
    const [result] = status === 201 ? (body as { results: { outcome: string }[] }).results : [];
    const may = model.mayMove(this.by, this.to, prompt, version);
    if (may) model.give(version, this.to, this.by);
    return { isDone: ['added', 'present'].includes(result?.outcome ?? ''), may };
  }

  toString(): string {
    return `${this.by} gives version ${this.drawn} to the newest key of ${this.to}`;
  }
}

/** The oldest key of a responder ends, if nothing is lost by it. */
export class End extends Step {
  readonly kind = 'end';

  override check(model: Readonly<Model>): boolean {
    return model.isIn('far') && model.activeOf('far').length > 1;
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const kid = model.activeOf('far').at(-1) ?? '';
    const may = model.lostWithout('far', kid).length === 0;
    const isDone = await world.publish((draft) => {
      const key = keysOf(draft, world.people.get('far').urn).find((one) => one.kid === kid);
      if (key !== undefined) key.use_until = world.vault.acme.now - 1;
    });
    if (may) model.end('far', kid);
    return { isDone, may };
  }

  toString(): string {
    return 'the oldest key of far ends';
  }
}
