import { keysOf } from '../renewing.js';
import type { Model, Who } from './model.js';
import type { Outcome, Picked } from './step.js';
import { Step, StepOfVersion } from './step.js';
import type { World } from './world.js';

/** Somebody gives a version to somebody: with its key where they have it, else with one that they make up. */
export class Share extends StepOfVersion {
  readonly kind = 'share';

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
    const path = `/api/v1/prompts/${pushed.prompt.id}/grants`;
    const { status } = await world.client(this.by).post(path, { grants: [grant] });
    const may = model.mayShare(this.by, this.to, prompt, version);
    if (may) model.give(version, this.to, this.by);
    return { isDone: status === 201, may };
  }

  toString(): string {
    return `${this.by} shares version ${this.drawn} with ${this.to}`;
  }
}

export class Unshare extends StepOfVersion {
  readonly kind = 'unshare';

  constructor(
    drawn: number,
    private readonly by: Who,
    /** Which of its grants. */
    private readonly which: number,
  ) {
    super(drawn);
  }

  protected async playOn({ version, pushed }: Picked, model: Model, world: World): Promise<Outcome> {
    const kids = [...version.grants.keys()];
    const kid = kids[this.which % kids.length] ?? model.newestOf(this.by);
    const isDone = await world.unshare(this.by, pushed, kid);
    const may = model.mayUnshare(this.by, kid, version);
    if (may) version.grants.delete(kid);
    return { isDone, may };
  }

  toString(): string {
    return `${this.by} takes away grant ${this.which} of version ${this.drawn}`;
  }
}

export class Delete extends StepOfVersion {
  readonly kind = 'delete';

  constructor(
    drawn: number,
    private readonly by: Who,
  ) {
    super(drawn);
  }

  protected async playOn({ prompt, pushed }: Picked, model: Model, world: World): Promise<Outcome> {
    const { status } = await world.client(this.by).delete(`/api/v1/prompts/${pushed.prompt.id}`);
    const may = model.mayDelete(this.by);
    if (may) model.delete(prompt);
    return { isDone: status === 204, may };
  }

  toString(): string {
    return `${this.by} deletes the prompt of version ${this.drawn}`;
  }
}

/** All keys of somebody are revoked. */
export class Revoke extends Step {
  readonly kind = 'revoke';

  constructor(private readonly who: Who) {
    super();
  }

  override check(model: Readonly<Model>): boolean {
    return model.isIn(this.who);
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const { urn } = world.people.get(this.who);
    const at = world.vault.acme.now;
    const isDone = await world.publish((draft) => {
      for (const { kid } of keysOf(draft, urn)) draft.revoked.push({ kid, reason: 'keyCompromise', at });
    });
    model.revoked.add(this.who);
    return { isDone, may: true };
  }

  toString(): string {
    return `${this.who} is revoked`;
  }
}
