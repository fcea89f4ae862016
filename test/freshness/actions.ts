import { BullaError } from '@bulla/client';
import { Approvals } from '../../packages/client/src/labels/approvals.js';
import { readAdoption } from '../../packages/client/src/labels/label-adoption.js';
import { confirmLabel, standingLabel } from '../../packages/client/src/labels/label-confirmation.js';
import { baseOf, moveLabel, moveLatest } from '../../packages/client/src/labels/label-moves.js';
import { resolveLabel } from '../../packages/client/src/labels/labels.js';
import { ask } from '../../packages/client/src/runs/question.js';
import type { History } from './history.js';
import type { Process } from './homes.js';
import type { LabelName, Setting } from './organisation.js';
import { NAME, VERSIONS } from './organisation.js';
import type { Outcome } from './properties.js';
import type { View } from './view.js';
import { oneOf } from './view.js';

export const ASKING = ['run', 'read', 'run known'] as const;
export const SIGNING = ['move', 'delete', 'approve', 'confirm', 'adopt'] as const;
export type ActionKind = (typeof ASKING)[number] | (typeof SIGNING)[number];

/** What is known to everybody who acts. */
export interface Stage {
  readonly setting: Setting;
  readonly history: History;
}

/** What somebody does, as it is told. */
export interface Action {
  readonly kind: ActionKind;
  readonly label: LabelName;
  readonly version: number;
  /** The move that is approved. */
  readonly approval: string;
}

export function drawAction(random: () => number, kind: ActionKind, { history }: Stage): Action {
  const waiting = [...history.positions.values()].filter(({ stands }) => stands === undefined);
  const approval = waiting.length > 0 ? oneOf(random, waiting).approval : '';
  const label = random() < 0.7 ? 'production' : 'latest';
  return { kind, label, version: 1 + Math.floor(random() * VERSIONS), approval };
}

/** Does it and tells what came of it; only what a client refuses is an outcome. */
export async function act(stage: Stage, process: Process, view: View, action: Action): Promise<Outcome> {
  const { caller, judgedBy } = process;
  caller.view = view;
  caller.acts = [];
  judgedBy.length = 0;
  // What it holds, which another process of its home may have gone beyond: up to a quarter of an hour it may judge by that.
  await noteHeld(process);
  try {
    const took = await doIt(stage, process, action);
    return { process, error: undefined, ...took };
  } catch (error) {
    if (!(error instanceof BullaError)) throw error;
    return { process, error };
  } finally {
    await noteHeld(process);
  }
}

async function noteHeld({ session, judgedBy }: Process): Promise<void> {
  const trust = await session.keeper.remembered();
  if (trust !== undefined) judgedBy.push(trust.directoryRef.hash);
}

type Took = Pick<Outcome, 'took' | 'adopted'>;

async function doIt({ setting }: Stage, { session }: Process, action: Action): Promise<Took> {
  const { kind, label, version } = action;
  const { prompt } = setting;
  if (kind === 'run' || kind === 'run known') {
    const choice = kind === 'run' ? { label } : { version };
    const { resolved, rsp } = await ask(session, { name: NAME, ...choice, vars: { claim: 'a' }, stream: false });
    rsp.wipe();
    // A version that was known needs nobody's word: its label says only which prompt the name stands for.
    return kind === 'run' ? { took: { label, pos: resolved.pos } } : {};
  }
  if (kind === 'approve') {
    await new Approvals(session).give(action.approval);
    return {};
  }
  const trust = await session.keeper.current();
  if (kind === 'read') return { took: { label, pos: (await resolveLabel(session, trust, prompt, label)).pos } };
  if (kind === 'confirm') {
    await confirmLabel(session, trust, prompt, await standingLabel(session, trust, prompt, label));
    return {};
  }
  if (kind === 'adopt') {
    const { position } = await readAdoption(session, trust, prompt, label);
    await session.labels.adopt(position);
    return { adopted: label };
  }
  const base = await baseOf(session, trust, prompt, label);
  const target = setting.versions[version - 1];
  if (kind === 'delete') await moveLabel(session, trust, prompt, label, 'delete', base);
  else if (target !== undefined) {
    const move = label === 'latest' ? moveLatest : moveLabel;
    await move(session, trust, prompt, label, target, base);
  }
  return {};
}
