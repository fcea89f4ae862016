import type { ResolvedTag, Trust } from '@bulla/crypto';
import type { PromptRef } from './labels.js';
import { moveLabel, resolveIfGood } from './labels.js';
import { openVersion } from './open-version.js';
import type { Session } from './session.js';
import { vaultOf } from './session.js';
import { seqOf } from './trust-store.js';

/** A label whose tags should be signed anew. */
export interface DueLabel {
  readonly label: string;
  /** By the vault's word where no tag can say it. */
  readonly version: number;
  readonly resolved: ResolvedTag | undefined;
}

const DAY_SECONDS = 86_400;

/** Labels of a prompt whose tags have a third of their life left or less, or are no longer good. */
export async function dueLabels(session: Session, trust: Trust, prompt: PromptRef): Promise<DueLabel[]> {
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, {
    params: { id: prompt.id },
  });
  const due = [];
  for (const { label, version } of data) {
    // Without a memory of the label, an expired tag may be any old one: signing it anew would undo its end.
    const isKnown = seqOf(await session.keeper.seen(prompt.name), label) !== undefined;
    const resolved = await resolveIfGood(session, trust, prompt, label, isKnown);
    const life = trust.labelRule(prompt.name, label).days * DAY_SECONDS;
    if (resolved !== undefined && resolved.expiresAt - session.now() > life / 3) continue;
    due.push({ label, version: resolved?.version ?? version, resolved });
  }
  return due;
}

/**
 * Signs anew the due labels of a prompt that this device may sign and whose version it can open. Where a label points
 * is taken from its old tags alone, never from the vault. A label that several people must sign waits for the others.
 * @returns the labels that are renewed.
 */
export async function renewLabels(session: Session, trust: Trust, prompt: PromptRef): Promise<string[]> {
  const renewed: string[] = [];
  for (const { label, resolved } of await dueLabels(session, trust, prompt)) {
    if (resolved === undefined || !trust.mayTag(session.identity.urn, prompt.name, label)) continue;
    const opened = await openVersion(session, trust, prompt, resolved);
    if (opened === undefined) continue;
    const { pending } = await moveLabel(session, trust, prompt, label, opened);
    if (pending === undefined) renewed.push(label);
    else
      session.notice(
        `label ${label} of ${prompt.name} is renewed once ${pending.needed} people have signed, ${pending.given} did: bulla approve yes ${pending.approval}`,
      );
  }
  return renewed;
}
