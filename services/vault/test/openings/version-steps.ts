import { basedOn, bodyOf, moveLabel, sealVersion } from '../authoring.js';
import type { TestResponse } from '@bulla/service-kit/testing';
import { encodeBase64url, randomBytes } from '@bulla/crypto';
import type { KnownPrompt, KnownVersion, Model, Who } from './model.js';
import type { Outcome } from './step.js';
import { Step } from './step.js';
import type { World } from './world.js';
import type { PromptRef } from '../authoring.js';

const VERSIONS_MAX = 3;

/** What an author wants with a version. */
export interface Wish {
  /** Of which prompt. */
  readonly at: number;
  readonly by: Who;
  /** Responders that it names. */
  readonly runsAt: readonly Who[];
}

/** A further version of a prompt, or its first. */
abstract class StepOfWish extends Step {
  constructor(protected readonly wish: Wish) {
    super();
  }

  override check({ prompts }: Readonly<Model>): boolean {
    return (prompts[this.wish.at]?.versions.length ?? VERSIONS_MAX) < VERSIONS_MAX;
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const { at, by } = this.wish;
    const [known, prompt] = [model.prompts[at], world.prompts[at]];
    if (known === undefined || prompt === undefined) throw new Error(`there is no prompt ${at}`);
    const ver = known.versions.length + 1;
    const made = ver === 1 ? { prompt: { name: prompt.name, type: 'text' } } : {};
    const { answer, may, version } = await this.push(model, world, { known, prompt, ver, made });
    if (answer.status !== 201) return { isDone: false, may };
    const { chash } = bodyOf<{ chash: string }>(answer);
    await moveLabel(world.vault, world.vault.acme, prompt, { tag: 'latest', ver, chash, seq: ver });
    await world.added(prompt, ver, chash);
    known.versions.push({ author: by, runsAt: this.wish.runsAt, ...version });
    return { isDone: true, may };
  }

  protected abstract push(model: Model, world: World, next: Next): Promise<Pushed>;
}

/** The version that comes next. */
interface Next {
  readonly known: KnownPrompt;
  readonly prompt: PromptRef;
  readonly ver: number;
  /** What makes the prompt too, with its first version. */
  readonly made: object;
}
interface Pushed {
  readonly answer: TestResponse;
  readonly may: boolean;
  readonly version: Pick<KnownVersion, 'signer' | 'grants' | 'isWrapped'>;
}

/** An author signs and seals a version; of a managed name the vault gets its key. */
export class Push extends StepOfWish {
  readonly kind = 'push';

  constructor(
    wish: Wish,
    private readonly readers: readonly Who[],
  ) {
    super(wish);
  }

  protected async push(model: Model, world: World, { known, prompt, ver, made }: Next): Promise<Pushed> {
    const { by, runsAt } = this.wish;
    const { people, vault } = world;
    const to = this.readers.filter((who) => who !== by && model.isIn(who));
    const responders = runsAt.map((who) => people.get(who).urn);
    const statement = { acl: { invoke: ['grp:support'], read: [], responders } };
    const members = to.map((who) => people.current(who));
    const sealed = await sealVersion(vault.acme, people.get(by), prompt, ver, [], { statement, to: members });
    const { content, grants, deposit } = sealed;
    const body = { content, grants, ...(deposit !== undefined && { deposit }), ...made };
    const answer = await world.client(by).post(`/api/v1/prompts/${prompt.id}/versions`, body, basedOn(ver - 1));
    const granted = [by, ...to].map((who) => [model.newestOf(who), { by, opens: true }] as const);
    return {
      answer,
      may: model.mayPush(by, known),
      version: { signer: by, grants: new Map(granted), isWrapped: known.custody === 'managed' },
    };
  }

  toString(): string {
    const { at, by, runsAt } = this.wish;
    return `${by} pushes to prompt ${at} for ${[...this.readers, 'at', ...runsAt].join(' ')}`;
  }
}

/** An author tells the vault what a version says, and the vault signs and seals it. */
export class Entrust extends StepOfWish {
  readonly kind = 'entrust';

  protected async push(model: Model, world: World, { known, prompt, ver, made }: Next): Promise<Pushed> {
    const { by, runsAt } = this.wish;
    const responders = runsAt.map((who) => world.people.get(who).urn);
    const statement = {
      acl: { invoke: ['grp:support'], read: [], responders },
      input: { messages: false },
      content: { messages: [{ role: 'user', content: 'Answer.' }], vars: {}, model: { name: 'default' } },
      protect_until: '2029-12-31',
      message: 'in the clear',
    };
    const body = { salt: encodeBase64url(randomBytes(16)), statement, ...made };
    const path = `/api/v1/prompts/${prompt.id}/entrusted-versions`;
    const answer = await world.client(by).post(path, body, basedOn(ver - 1));
    const to = [by, ...runsAt.filter((who) => model.isIn(who))];
    const granted = [...to.map((who) => model.newestOf(who)), world.vault.acme.recovery?.kid ?? ''];
    return {
      answer,
      may: model.mayPush(by, known) && known.custody === 'managed',
      version: {
        signer: 'vault',
        grants: new Map(granted.map((kid) => [kid, { by, opens: true }])),
        isWrapped: true,
      },
    };
  }

  toString(): string {
    const { at, by, runsAt } = this.wish;
    return `${by} entrusts a version of prompt ${at} to the vault, at ${runsAt.join(' and ')}`;
  }
}

/** The policy gives the name of a prompt the other custody. */
export class Flip extends Step {
  readonly kind = 'flip';

  constructor(private readonly at: number) {
    super();
  }

  protected async play(model: Model, world: World): Promise<Outcome> {
    const [known, prompt] = [model.prompts[this.at], world.prompts[this.at]];
    if (known === undefined || prompt === undefined) throw new Error(`there is no prompt ${this.at}`);
    const may = model.mayFlip(known);
    const isDone = await world.setCustody(prompt, known.custody === 'managed' ? 'sealed' : 'managed');
    if (may) model.flip(known);
    return { isDone, may };
  }

  toString(): string {
    return `the name of prompt ${this.at} gets the other custody`;
  }
}
