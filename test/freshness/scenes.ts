import type { Action } from './actions.js';
import type { Home } from './homes.js';
import type { LabelName } from './organisation.js';
import { LABELS } from './organisation.js';
import type { View } from './view.js';
import { HONEST } from './view.js';
import type { Walk } from './walk.js';

// What a vault needs several steps for, which chance alone would seldom bring together.

const reading = (label: LabelName): Action => ({ kind: 'read', label, version: 1, approval: '' });

/** A signer and an asker, both with a memory. */
const readersOf = ({ signers, homes }: Walk): Home[] => [...signers.slice(1, 2), ...homes.slice(signers.length, -1)];

/** Those who have a memory read where both labels are. */
export async function look(walk: Walk): Promise<void> {
  for (const label of LABELS) for (const home of readersOf(walk)) await walk.do(home, reading(label), HONEST);
}

/** Both labels are moved to the first version, as the policy has it. */
export async function begin(walk: Walk): Promise<void> {
  const [first, second] = walk.signers;
  if (first === undefined || second === undefined) return;
  const action = { version: 1, approval: '' };
  await walk.do(first, { ...action, kind: 'move', label: 'latest' }, HONEST);
  await walk.do(first, { ...action, kind: 'move', label: 'production' }, HONEST);
  const waiting = [...walk.stage.history.positions.values()].find(({ stands }) => stands === undefined);
  if (waiting === undefined) return;
  await walk.do(second, { ...action, kind: 'approve', label: 'production', approval: waiting.approval }, HONEST);
}

/** Who runs a version that they know is shown a position that is past, and comes after what they remember. */
export async function showPast(walk: Walk): Promise<void> {
  for (const home of readersOf(walk)) {
    const version = home.accepted.heads.latest?.version;
    if (version === undefined) continue;
    await walk.do(home, { kind: 'run known', label: 'latest', version, approval: '' }, pastOf(walk));
  }
}

/** Renewers are shown it as well. */
export async function showPastToRenewers(walk: Walk): Promise<void> {
  for (const renewer of walk.renewers) await walk.round(renewer, pastOf(walk));
}

/** Where `latest` stood before it came to where it stands. */
function pastOf({ stage }: Walk): View {
  const past = stage.history.line.latest.at(-2);
  return past === undefined ? HONEST : { ...HONEST, instead: new Map([['latest', past]]) };
}

/** Who knows the newest directory is shown the one that was signed last, on another branch, and then the one before. */
export async function showBranch(walk: Walk): Promise<void> {
  const { directories, newestDirectory } = walk.stage.history;
  for (const directoryInstead of [directories.at(-1), newestDirectory.parent])
    for (const home of readersOf(walk)) await walk.do(home, reading('production'), { ...HONEST, directoryInstead });
}

/** Two people move a label from one position, each without the other's knowledge; an asker is shown both. */
export async function moveTwice(walk: Walk): Promise<void> {
  const [first, second] = walk.signers;
  const asker = walk.homes[walk.signers.length];
  const before = walk.stage.history.head('latest');
  if (first === undefined || second === undefined || asker === undefined || before === undefined) return;
  const move: Action = { kind: 'move', label: 'latest', version: 2, approval: '' };
  await walk.do(first, move, HONEST);
  const blind = { ...HONEST, instead: new Map([['latest' as const, before]]), takesBranches: true };
  await walk.do(second, { ...move, version: 3 }, blind);
  await walk.do(asker, reading('latest'), HONEST);
  await walk.do(asker, reading('latest'), second.process.caller.view);
}
