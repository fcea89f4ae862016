import type { PolicyDocument, Trust } from '@bulla/crypto';
import { authorsOf } from '@bulla/crypto';
import { BullaError } from '../connection/errors.js';
import type { PromptRef } from './labels.js';
import { readPosition, verifyShown } from './labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A label that fewer people signed than a rule asks for. */
export interface BelowRule {
  readonly label: string;
  /** People whose signature would count. */
  readonly given: number;
  readonly needed: number;
}

/** The rules of a policy by which the signatures of a label are counted. */
export type LabelRules = Pick<PolicyDocument, 'labels' | 'authors'>;

/** Labels of a prompt that are good now and would have too few signatures under other rules of the policy. */
export async function belowRules(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  rules: LabelRules,
): Promise<BelowRule[]> {
  const call = { params: { id: prompt.id } };
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, call);
  const below: BelowRule[] = [];
  for (const { label } of data) {
    const { groups, role, needed } = ruleOf(rules, prompt.name, label);
    // What is good stays so where the rule does.
    if (JSON.stringify(ruleOf(trust.policy, prompt.name, label)) === JSON.stringify({ groups, role, needed })) continue;
    const signers = await signersOf(session, trust, prompt, label);
    const entitled = signers.filter(
      (urn) =>
        (role === undefined || trust.hasRole(urn, role)) && trust.groupsOf(urn).some((group) => groups.includes(group)),
    );
    const given = new Set(entitled.map((urn) => trust.userOf(urn))).size;
    if (signers.length > 0 && given < needed) below.push({ label, given, needed });
  }
  return below;
}

/** Whose signatures a label takes: those its rule names, else of an author of the name. */
function ruleOf({ labels, authors }: LabelRules, name: string, label: string) {
  const rule = Object.hasOwn(labels, label) ? labels[label] : undefined;
  if (rule === undefined) return { groups: authorsOf({ authors }, name), role: 'author', needed: 1 } as const;
  return { groups: rule.groups, role: undefined, needed: rule.threshold ?? 1 };
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
