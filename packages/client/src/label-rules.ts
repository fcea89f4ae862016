import type { PolicyDocument, Trust } from '@bulla/crypto';
import { BullaError } from './errors.js';
import type { PromptRef } from './labels.js';
import { readPosition, verifyShown } from './labels.js';
import type { Session } from './session.js';
import { vaultOf } from './session.js';

/** A label that fewer people signed than a rule asks for. */
export interface BelowRule {
  readonly label: string;
  /** People whose signature would count. */
  readonly given: number;
  readonly needed: number;
}

/** Labels of a prompt that are good now and would have too few signatures under other rules of the policy. */
export async function belowRules(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  rules: PolicyDocument['labels'],
): Promise<BelowRule[]> {
  const call = { params: { id: prompt.id } };
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, call);
  const below: BelowRule[] = [];
  for (const { label } of data) {
    const rule = Object.hasOwn(rules, label) ? rules[label] : undefined;
    if (rule === undefined) continue;
    const signers = await signersOf(session, trust, prompt, label);
    const entitled = signers.filter((urn) => trust.groupsOf(urn).some((group) => rule.groups.includes(group)));
    const given = new Set(entitled.map((urn) => trust.userOf(urn))).size;
    const needed = rule.threshold ?? 1;
    if (signers.length > 0 && given < needed) below.push({ label, given, needed });
  }
  return below;
}

/** URNs of those whose signatures count now; none where the label is not good as it is. */
async function signersOf(session: Session, trust: Trust, prompt: PromptRef, label: string): Promise<readonly string[]> {
  const position = await readPosition(session, trust, prompt, label);
  try {
    return position === undefined ? [] : (await verifyShown(session, trust, prompt, position)).signers;
  } catch (error) {
    if (error instanceof BullaError && error.origin === 'client') return [];
    throw error;
  }
}
