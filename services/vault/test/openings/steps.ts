import { deepEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { basedOn, createPrompt, moveLabel, sealVersion } from '../authoring.js';
import { keysOf } from '../renewing.js';
import type { Model, Who } from './model.js';
import { DEVICES, EVERYBODY, RESPONDERS } from './model.js';
import type { Outcome, Picked } from './step.js';
import { Step, StepOfVersion, versionsOf } from './step.js';
import type { World } from './world.js';

const PROMPTS_MAX = 3;
const VERSIONS_MAX = 3;
const KEYS_MAX = 3;

/** A new prompt, or a further version of one, sealed for some. */
class Push extends Step {
  readonly kind = 'push';

  constructor(
    private readonly at: number,
    private readonly by: Who,
    private readonly readers: readonly Who[],
  ) {
    super();
  }

  override check({ prompts }: Readonly<Model>): boolean {
    return (prompts[this.at]?.versions.length ?? 0) < VERSIONS_MAX;
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const { vault } = world;
    const { acme } = vault;
    const at = Math.min(this.at, model.prompts.length);
    if (at === model.prompts.length) {
      model.prompts.push({ versions: [], isDeleted: false });
      world.prompts.push(await createPrompt(vault, acme));
      world.versions.push([]);
    }
    const [known, prompt, versions] = [model.prompts[at], world.prompts[at], world.versions[at]];
    if (known === undefined || prompt === undefined || versions === undefined) throw new Error('there is a prompt');
    const ver = known.versions.length + 1;
    const readers = this.readers.filter((who) => who !== this.by && model.isIn(who));
    const others = readers.map((who) => world.current(who));
    const sealed = await sealVersion(acme, world.member(this.by), prompt, ver, others);
    const { content, grants, chash } = sealed;
    const path = `/api/v1/prompts/${prompt.id}/versions`;
    const { status } = await world.client(this.by).post(path, { content, grants }, basedOn(ver - 1));
    const outcome = { isDone: status === 201, may: model.mayPush(this.by, known) };
    if (!outcome.isDone) return outcome;
    await moveLabel(vault, acme, prompt, { tag: 'latest', ver, chash, seq: ver });
    const to: Who[] = [this.by, 'eu1', 'eu2', ...readers];
    const grant = { by: this.by, opens: true };
    known.versions.push({ author: this.by, grants: new Map(to.map((who) => [model.newestOf(who), grant])) });
    versions.push({ prompt, number: ver, sealed });
    return outcome;
  }

  toString(): string {
    return `${this.by} pushes to prompt ${this.at} for ${this.readers.join(' and ') || 'nobody'}`;
  }
}

/** Somebody gives a version to somebody: with its key where they have it, else with one that they make up. */
class Share extends StepOfVersion {
  readonly kind = 'share';

  constructor(
    drawn: number,
    private readonly by: Who,
    private readonly to: Who,
  ) {
    super(drawn);
  }

  protected async playOn({ prompt, version, pushed }: Picked, model: Model, world: World): Promise<Outcome> {
    const grant = await world.grant(pushed, this.to, model.opens(this.by, version));
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

class Unshare extends StepOfVersion {
  readonly kind = 'unshare';

  constructor(
    drawn: number,
    private readonly by: Who,
    private readonly from: Who,
  ) {
    super(drawn);
  }

  protected async playOn({ version, pushed }: Picked, model: Model, world: World): Promise<Outcome> {
    const kid = model.keysOf(this.from).find((one) => version.grants.has(one)) ?? model.newestOf(this.from);
    const isDone = await world.unshare(this.by, pushed, kid);
    const may = model.mayUnshare(this.by, kid, version);
    if (may) version.grants.delete(kid);
    return { isDone, may };
  }

  toString(): string {
    return `${this.by} takes version ${this.drawn} from ${this.from}`;
  }
}

class Delete extends StepOfVersion {
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
    prompt.isDeleted ||= may;
    return { isDone: status === 204, may };
  }

  toString(): string {
    return `${this.by} deletes the prompt of version ${this.drawn}`;
  }
}

/** All keys of somebody are revoked. */
class Revoke extends Step {
  readonly kind = 'revoke';

  constructor(private readonly who: Who) {
    super();
  }

  override check(model: Readonly<Model>): boolean {
    return model.isIn(this.who);
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const { urn } = world.member(this.who);
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

/** A responder gets a new encryption key beside those that it has. */
class Renew extends Step {
  readonly kind = 'renew';

  override check(model: Readonly<Model>): boolean {
    return model.isIn('far') && model.activeOf('far').length < KEYS_MAX;
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    model.activeOf('far').unshift(await world.renew('far'));
    return { isDone: true, may: true };
  }

  toString(): string {
    return 'far gets a new key';
  }
}

/** A holder gives what it opens to a further key: a responder to its newest, a person to another device. */
class Move extends StepOfVersion {
  readonly kind = 'move';

  constructor(
    drawn: number,
    private readonly by: Who,
    private readonly to: Who,
  ) {
    super(drawn);
  }

  protected async playOn({ prompt, version, pushed }: Picked, model: Model, world: World): Promise<Outcome> {
    const grant = await world.grant(pushed, this.to, model.opens(this.by, version));
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
class End extends Step {
  readonly kind = 'end';

  override check(model: Readonly<Model>): boolean {
    return model.isIn('far') && model.activeOf('far').length > 1;
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const kid = model.activeOf('far').at(-1) ?? '';
    const may = model.lostWithout('far', kid).length === 0;
    const isDone = await world.publish((draft) => {
      const key = keysOf(draft, world.member('far').urn).find((one) => one.kid === kid);
      if (key !== undefined) key.use_until = world.vault.acme.now - 1;
    });
    if (may) model.end('far', kid);
    return { isDone, may };
  }

  toString(): string {
    return 'the oldest key of far ends';
  }
}

/** Everybody tries to open everything. */
export class Look extends Step {
  readonly kind = 'look';

  protected async play(model: Model, world: World): Promise<Outcome> {
    for (const { prompt, version, pushed } of versionsOf(model, world)) {
      const opened: Who[] = [];
      for (const who of DEVICES) if (await world.reads(who, pushed)) opened.push(who);
      for (const who of RESPONDERS) if (await world.runs(who, pushed)) opened.push(who);
      const readers = DEVICES.filter((who) => model.reads(who, version));
      const runners = RESPONDERS.filter((who) => model.runs(who, prompt, version));
      const place = { prompt: model.prompts.indexOf(prompt), version: pushed.number };
      deepEqual({ ...place, opened }, { ...place, opened: [...readers, ...runners] });
      world.count(`opened: ${opened.length > 0 ? 'done' : 'refused'}`);
    }
    return { isDone: true, may: true };
  }

  toString(): string {
    return 'everybody tries to open everything';
  }
}

const drawn = fc.nat({ max: PROMPTS_MAX * VERSIONS_MAX - 1 });
const anybody = fc.constantFrom(...EVERYBODY);
const device = fc.constantFrom(...DEVICES);
/** Whom authors name beside the two responders that they seal to anyway. */
const reader = fc.constantFrom<Who>(...DEVICES, 'far');
const author = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<Who>('owner', 'ann') },
  { weight: 1, arbitrary: device },
);
const leaver = fc.constantFrom<Who>('ann', 'desk', 'ben', 'cat', 'eva', 'far');

const PUSH = fc
  .tuple(fc.nat({ max: PROMPTS_MAX - 1 }), author, fc.uniqueArray(reader, { maxLength: 4 }))
  .map((all) => new Push(...all));
const sharer = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom<Who>('owner', 'ann') },
  { weight: 3, arbitrary: anybody },
);
const SHARE = fc.tuple(drawn, sharer, anybody).map((all) => new Share(...all));
const UNSHARE = fc.tuple(drawn, anybody, anybody).map((all) => new Unshare(...all));
const DELETE = fc.tuple(drawn, device).map((all) => new Delete(...all));
const REVOKE = leaver.map((who) => new Revoke(who));
const RENEW = fc.constant(new Renew());
/** Who moves something, and to whom: mostly what is allowed. */
const movers = fc.constantFrom<[Who, Who]>(
  ['far', 'far'],
  ['far', 'far'],
  ['ann', 'desk'],
  ['desk', 'ann'],
  ['eva', 'ben'],
  ['cat', 'cat'],
);
const MOVE = fc.tuple(drawn, movers).map(([which, [by, to]]) => new Move(which, by, to));
const END = fc.constant(new End());
const LOOK = fc.constant(new Look());

/** The steps of a walk; what is likely stands more than once. */
export const STEPS = [
  PUSH,
  PUSH,
  PUSH,
  SHARE,
  SHARE,
  SHARE,
  UNSHARE,
  UNSHARE,
  DELETE,
  REVOKE,
  RENEW,
  MOVE,
  MOVE,
  END,
  LOOK,
];
