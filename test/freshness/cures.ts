import type { Action } from './actions.js';
import { publishAfter, thresholdOf } from './directories.js';
import type { Home } from './homes.js';
import type { LabelName } from './organisation.js';
import { LABELS } from './organisation.js';
import { Violation } from './properties.js';
import { HONEST } from './view.js';
import type { Walk } from './walk.js';
import { codeOf } from './walk.js';

/** More steps than any of the documented ways has. */
const STEPS_MAX = 8;

const REREAD_SECONDS = 16 * 60;

/**
 * What the documentation has somebody do who is refused, until they can use each label, and move it if they may.
 * @throws {Violation} P4 where that does not help
 */
export async function cure(walk: Walk, home: Home): Promise<void> {
  if (!walk.isIn(home)) return;
  walk.asNew(home);
  for (const label of LABELS) {
    if (walk.stage.history.head(label) === undefined) continue;
    await until(walk, home, doing('read', label), label);
    if (walk.signers.includes(home)) await until(walk, home, doing('move', label), label);
  }
}

const doing = (kind: Action['kind'], label: LabelName): Action => ({ kind, label, version: 1, approval: '' });

/** Does something, and before each new try what is to be done about its refusal. */
async function until(walk: Walk, home: Home, action: Action, label: LabelName): Promise<void> {
  const tried: string[] = [];
  while (tried.length < STEPS_MAX) {
    const { error } = await walk.do(home, action, HONEST);
    const code = codeOf(error);
    if (code === 'done') return;
    // Who removed a label wanted that; how many say so is of no use to those who read.
    if (action.kind === 'read' && walk.stage.history.head(label)?.version === 0) return;
    walk.count(`cured: ${code}`);
    await treat(walk, home, label, code, tried);
    tried.push(code);
  }
  throw new Violation(
    'P4',
    `${home.person.name} cannot ${action.kind} ${label}, whatever is done: ${tried.join(', ')}`,
  );
}

async function treat(walk: Walk, home: Home, label: LabelName, code: string, tried: readonly string[]): Promise<void> {
  const { setting, history } = walk.stage;
  if (code === 'trust_expired/trust-fresh')
    history.publish(
      await publishAfter(setting, history.newestDirectory, { at: walk.seconds, order: history.order + 1 }),
    );
  // What was trusted is read again a quarter of an hour later.
  walk.seconds += REREAD_SECONDS;
  if (tried.includes(code) || code === 'forbidden/tag-threshold' || code === 'trust_expired/tag-expiry')
    await confirm(walk, home, label);
  for (const renewer of walk.renewers) await walk.round(renewer, HONEST);
}

/** Enough people look at a label, adopt it and say it again. A person who was refused adopts it too. */
async function confirm(walk: Walk, home: Home, label: LabelName): Promise<void> {
  const { history } = walk.stage;
  // A removed label cannot be said again: a person who may move it moves it on.
  const needed = history.head(label)?.version === 0 ? 0 : thresholdOf(history.newestDirectory, label);
  const those = walk.signers.filter((signer) => walk.isIn(signer)).slice(0, needed);
  for (const signer of those) {
    await walk.do(signer, doing('adopt', label), HONEST);
    await walk.do(signer, doing('confirm', label), HONEST);
  }
  if (!those.includes(home)) await walk.do(home, doing('adopt', label), HONEST);
}
