import { deepEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { End, Move, Renew } from './key-steps.js';
import type { Model, Who } from './model.js';
import { DEVICES, EVERYBODY, RESPONDERS } from './model.js';
import { Rest, RotateKek, RotateRoot } from './rest-steps.js';
import { Delete, Revoke, Share, Unshare } from './sharing-steps.js';
import type { Outcome } from './step.js';
import { Step, versionsOf } from './step.js';
import { Entrust, Flip, Push } from './version-steps.js';
import type { World } from './world.js';

/** Everybody tries to open everything. */
export class Look extends Step {
  readonly kind = 'look';

  protected async play(model: Model, world: World): Promise<Outcome> {
    for (const { prompt, version, pushed } of versionsOf(model, world)) {
      const opened: (Who | 'vault')[] = [];
      for (const who of DEVICES) if (await world.reads(who, pushed)) opened.push(who);
      for (const who of RESPONDERS) if (await world.runs(who, pushed)) opened.push(who);
      const readers = DEVICES.filter((who) => model.reads(who, version));
      const runners = RESPONDERS.filter((who) => model.runs(who, prompt, version));
      if (await world.isOpenToVault(pushed)) opened.push('vault');
      const vault = version.isWrapped ? (['vault'] as const) : [];
      for (const who of runners) model.ran(who, version);
      const place = { prompt: model.prompts.indexOf(prompt), version: pushed.number };
      deepEqual({ ...place, opened }, { ...place, opened: [...readers, ...runners, ...vault] });
      world.count(`opened: ${opened.length > 0 ? 'done' : 'refused'}`);
    }
    return { isDone: true, may: true };
  }

  toString(): string {
    return 'everybody tries to open everything';
  }
}

/** A version, by its number among those that are there. */
const drawn = fc.nat({ max: 8 });
const prompt = fc.nat({ max: 2 });
const anybody = fc.constantFrom(...EVERYBODY);
const device = fc.constantFrom(...DEVICES);
const author = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<Who>('owner', 'ann') },
  { weight: 1, arbitrary: device },
);
const leaver = fc.constantFrom<Who>('ann', 'desk', 'ben', 'cat', 'eva', 'far');

const wish = fc.record({
  at: prompt,
  by: author,
  runsAt: fc.uniqueArray(fc.constantFrom(...RESPONDERS), { maxLength: 3 }),
});
const PUSH = fc.tuple(wish, fc.uniqueArray(anybody, { maxLength: 4 })).map((all) => new Push(...all));
const ENTRUST = wish.map((one) => new Entrust(one));
const FLIP = prompt.map((at) => new Flip(at));
const sharer = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom<Who>('owner', 'ann') },
  { weight: 3, arbitrary: anybody },
);
const SHARE = fc.tuple(drawn, sharer, anybody).map((all) => new Share(...all));
const UNSHARE = fc.tuple(drawn, anybody, fc.nat({ max: 5 })).map((all) => new Unshare(...all));
const DELETE = fc.tuple(drawn, author).map((all) => new Delete(...all));
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
const ROTATE_KEK = fc.boolean().map((isDoneAtOnce) => new RotateKek(isDoneAtOnce));
const ROTATE_ROOT = fc.constant(new RotateRoot());
const REST = fc.constant(new Rest());
const LOOK = fc.constant(new Look());

/** The steps of a walk; what is likely stands more than once. */
export const STEPS = [
  PUSH,
  PUSH,
  PUSH,
  ENTRUST,
  FLIP,
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
  ROTATE_KEK,
  ROTATE_ROOT,
  REST,
  LOOK,
];
