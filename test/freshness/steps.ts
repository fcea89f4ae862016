import { randomFrom } from '@bulla/testkit';
import type { ActionKind } from './actions.js';
import { act, drawAction } from './actions.js';
import { cure } from './cures.js';
import type { Rules } from './directories.js';
import { DAY_SECONDS, endOf, freshSecondsOf, publishAfter } from './directories.js';
import type { Home } from './homes.js';
import { startProcess, startRenewer, WalkStore } from './homes.js';
import type { LabelName } from './organisation.js';
import { LABELS } from './organisation.js';
import type { Step } from './plan.js';
import { begin, look, moveTwice, showBranch, showPast, showPastToRenewers } from './scenes.js';
import { drawAttack, HONEST, oneOf } from './view.js';
import type { Walk } from './walk.js';

type Random = () => number;

/** Takes one step of a walk. @throws {Violation} */
export async function take(walk: Walk, { kind, seed }: Step): Promise<void> {
  const random = randomFrom(seed);
  switch (kind) {
    case 'begin':
      return begin(walk);
    case 'look':
      return look(walk);
    case 'past shown':
      return showPast(walk);
    case 'past to renewers':
      return showPastToRenewers(walk);
    case 'branch shown':
      return showBranch(walk);
    case 'two branches':
      return moveTwice(walk);
    case 'push':
      return byOne(walk, random, signerOf(walk, random), 'move', 'latest');
    case 'run':
    case 'read':
    case 'run known':
      return byOne(walk, random, anyOf(walk, random), kind);
    case 'move':
    case 'delete':
    case 'approve':
    case 'confirm':
    case 'adopt':
      return byOne(walk, random, signerOf(walk, random), kind);
    case 'two':
      return byTwo(walk, random);
    case 'attack':
      return attack(walk, random);
    case 'round': {
      const renewer = oneOf(random, walk.renewers);
      return walk.round(renewer, walk.viewFor(random, renewer.caller.urn));
    }
    case 'round of all':
      for (const renewer of walk.renewers) await walk.round(renewer, HONEST);
      return;
    case 'rules':
    case 'revoke':
    case 'publish':
    case 'branch':
    case 'shorten':
      return publish(walk, random, kind);
    case 'restart':
      return restart(walk, random);
    case 'restore':
      return restore(walk, anyOf(walk, random), random);
    case 'hours':
      return later(walk, (1 + Math.floor(random() * 23)) / 24);
    case 'days':
      return later(walk, 1 + Math.floor(random() * 3));
    case 'week':
      return later(walk, 8);
    case 'months':
      return months(walk);
    case 'weeks end':
      return later(walk, freshSecondsOf(walk.stage.history.newestDirectory) / DAY_SECONDS + 0.1);
    case 'cure':
      return cure(walk, oneOf(random, walk.homes));
    case 'cure all':
      for (const home of walk.homes) await cure(walk, home);
  }
}

/** An honest vault lets nobody in who was revoked. */
function anyOf(walk: Walk, random: Random): Home {
  return oneOf(random, walk.plan.isHonest ? walk.homes.filter((home) => walk.isIn(home)) : walk.homes);
}

function signerOf(walk: Walk, random: Random): Home {
  return oneOf(random, walk.plan.isHonest ? walk.signers.filter((home) => walk.isIn(home)) : walk.signers);
}

async function byOne(walk: Walk, random: Random, home: Home, kind: ActionKind, label?: LabelName): Promise<void> {
  walk.asNew(home);
  const drawn = drawAction(random, kind, walk.stage);
  const action = label === undefined ? drawn : { ...drawn, label };
  if (kind === 'approve' && action.approval === '') return;
  await walk.do(home, action, walk.viewFor(random, home.person.name));
}

/** Two processes of one home at once, each with what it is shown. */
async function byTwo(walk: Walk, random: Random): Promise<void> {
  const home = signerOf(walk, random);
  const kinds = ['run', 'read', 'move'] as const;
  const first = drawAction(random, oneOf(random, kinds), walk.stage);
  const second = { ...drawAction(random, oneOf(random, kinds), walk.stage), label: first.label };
  const views = [walk.viewFor(random, home.person.name), walk.viewFor(random, `${home.person.name} again`)] as const;
  walk.forget(home);
  const other = startProcess(walk.around, home.person.identity, home.store);
  const outcomes = await Promise.all([
    act(walk.stage, home.process, views[0], first),
    act(walk.stage, other, views[1], second),
  ]);
  for (const [index, outcome] of outcomes.entries()) {
    walk.count(`two: ${outcome.error === undefined ? 'done' : 'refused'}`);
    walk.tell(home, index === 0 ? first : second, outcome);
  }
  walk.settle(home, outcomes);
}

/**
 * The vault shows somebody a position that is not the one, beside the newest of all else: what is past, waits or is on
 * another branch, or just what they know.
 */
async function attack(walk: Walk, random: Random): Promise<void> {
  const home = victimOf(walk, random);
  walk.asNew(home);
  const { heads, adopted } = home.accepted;
  const signing: readonly ActionKind[] =
    Object.keys(adopted).length > 0 ? ['move', 'confirm'] : ['run known', 'move', 'confirm'];
  const kind = oneOf(random, walk.signers.includes(home) ? signing : (['run', 'read', 'run known'] as const));
  const drawn = drawAction(random, kind, walk.stage);
  // A version that is known needs nobody's word, and must not bring anything else along.
  const version = kind === 'run known' ? (heads.latest?.version ?? drawn.version) : drawn.version;
  const label = LABELS.find((one) => adopted[one] !== undefined) ?? drawn.label;
  walk.count('attack');
  const view = drawAttack(random, walk.stage.history, random() < 0.5 && kind !== 'run known' ? heads : {});
  await walk.do(home, { ...drawn, label, version }, view);
}

/** Somebody new, somebody who adopted what they were shown, or anybody. */
function victimOf(walk: Walk, random: Random): Home {
  const drawn = random();
  const adopters = walk.homes.filter(({ accepted }) => Object.keys(accepted.adopted).length > 0);
  if (drawn < 0.3 && adopters.length > 0) return oneOf(random, adopters);
  return drawn < 0.6 ? oneOf(random, walk.homes.slice(-1)) : oneOf(random, walk.homes);
}

type Publishing = 'rules' | 'revoke' | 'publish' | 'branch' | 'shorten';

async function publish(walk: Walk, random: Random, kind: Publishing): Promise<void> {
  const { setting, history } = walk.stage;
  const { newestDirectory: newest } = history;
  const parent = kind === 'branch' ? (newest.parent ?? newest) : newest;
  // The author of the versions stays, and so does a second person to sign with.
  const leaver = setting.signers[2]?.identity.signer.kid;
  const change = {
    at: walk.seconds,
    order: history.order + 1,
    ...(kind === 'revoke' && leaver !== undefined && !parent.revoked.has(leaver) && { revoke: leaver }),
    ...(kind === 'rules' && { rules: drawRules(random) }),
    ...(kind === 'shorten' && { rules: { freshDays: 1 } }),
  };
  history.publish(await publishAfter(setting, parent, change));
  walk.note(`somebody publishes after directory ${parent.payload.version}: ${kind}`, kind);
}

function drawRules(random: Random): Rules {
  const drawn = random();
  if (drawn < 0.45) return { freshDays: 1 + Math.floor(random() * 7) };
  if (drawn < 0.8) return { days: oneOf(random, [3, 8, 30, 365]) };
  return { threshold: oneOf(random, [1, 2]) };
}

function restart(walk: Walk, random: Random): void {
  if (random() < 0.3) {
    const renewer = oneOf(random, walk.renewers);
    renewer.renewer = startRenewer(walk.around, renewer);
    return walk.note('a renewer starts again', 'restart');
  }
  const home = oneOf(random, walk.homes);
  home.process = startProcess(walk.around, home.person.identity, home.store);
  walk.note(`${home.person.name} starts again`, 'restart');
}

/** A home is put back to what it was: that is lost memory, and known to be. */
function restore(walk: Walk, home: Home, random: Random): void {
  const copy = home.copies.length === 0 ? undefined : oneOf(random, home.copies);
  if (copy === undefined) return;
  home.store = new WalkStore(copy.held);
  home.process = startProcess(walk.around, home.person.identity, home.store);
  home.accepted = copy.accepted;
  walk.note(`${home.person.name} is restored`, 'restore');
}

/** Two months in which only renewers are at work. */
async function months(walk: Walk): Promise<void> {
  const days = (0.9 * freshSecondsOf(walk.stage.history.newestDirectory)) / DAY_SECONDS;
  for (let gone = 0; gone < MONTHS_DAYS; gone += days) {
    await later(walk, days);
    for (const renewer of walk.renewers) await walk.round(renewer, HONEST);
  }
}
const MONTHS_DAYS = 60;

async function later(walk: Walk, days: number): Promise<void> {
  const seconds = Math.round(days * DAY_SECONDS);
  if (walk.plan.isHonest) await publishInTime(walk, walk.seconds + seconds);
  walk.seconds += seconds;
  walk.note(`${days.toFixed(1)} days later`, 'later');
}

/** An honest organisation signs its directory and its policy anew before they end: no renewer can put that off. */
async function publishInTime(walk: Walk, until: number): Promise<void> {
  const { setting, history } = walk.stage;
  const { newestDirectory: newest } = history;
  if (until < endOf(newest)) return;
  history.publish(await publishAfter(setting, newest, { at: walk.seconds, order: history.order + 1, rules: {} }));
  walk.note(`somebody publishes after directory ${newest.payload.version}, before it ends`, 'publish');
}
