import type { Signer, Trust } from '@bulla/crypto';
import { urnOf } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { grantsOf } from '../prompts/grants-of.js';
import type { Prompts } from '../prompts/prompts.js';
import { retireKeys } from '../trust/next-directory.js';
import { publishNextDirectory } from '../trust/publish-directory.js';

/** What it would mean that nothing more is sealed to the older encryption keys of a responder. */
export interface RetirementPlan {
  /** URN of the responder. */
  readonly responder: string;
  /** `kid` of its newest encryption key. */
  readonly newest: string;
  /** Those before it that are still sealed to. */
  readonly older: readonly string[];
  /** Versions that one of those opens and the newest does not: nobody could run them any more. By the vault's list. */
  readonly lacking: readonly { readonly name: string; readonly version: number }[];
}

/**
 * Looks at every version that a responder can open.
 * @throws {BullaError} not_found if the directory lists no such responder, or its only encryption key has ended;
 *   forbidden to whom the vault does not show grants
 */
export async function planRetirement(session: Session, prompts: Prompts, responder: string): Promise<RetirementPlan> {
  const trust = await session.keeper.refresh();
  const isResponder = trust.entity(responder)?.kind === 'responder';
  const active = isResponder ? trust.activeKeys(responder, 'unwrap', session.now()) : [];
  const [newest, ...older] = active.map(({ record }) => record.kid);
  if (newest === undefined)
    throw bullaError('not_found', { message: `the directory lists no responder ${responder}`, origin: 'client' });
  const lacking = older.length === 0 ? [] : await versionsWithout(session, trust, prompts, { newest, older });
  return { responder, newest, older, lacking };
}

async function versionsWithout(
  session: Session,
  trust: Trust,
  prompts: Prompts,
  { newest, older }: Pick<RetirementPlan, 'newest' | 'older'>,
): Promise<{ name: string; version: number }[]> {
  const lacking: { name: string; version: number }[] = [];
  for await (const { id, name } of prompts.list()) {
    const granted = await grantsOf(session, trust, { id });
    for (const [version, grants] of Map.groupBy(granted, (one) => one.version)) {
      const kids = new Set(grants.map(({ kid }) => kid));
      const isLacking = older.some((kid) => kids.has(kid)) && !kids.has(newest);
      if (isLacking && !trust.isWithdrawn(urnOf(trust.org, 'prompt', id), version)) lacking.push({ name, version });
    }
  }
  return lacking;
}

/**
 * Signs the next directory, in which the older keys only open what is sealed to them.
 * @throws {BullaError} validation_failed while a version is sealed to one of them and not to the newest
 */
export function publishRetirement(session: Session, signer: Signer, plan: RetirementPlan): Promise<Trust> {
  // guard: retire-lacking
  if (plan.lacking.length > 0)
    throw bullaError('validation_failed', {
      message: `${plan.lacking.length} versions are sealed to an older key alone: nobody could run them`,
      origin: 'client',
    });
  return publishNextDirectory(session, signer, retireKeys(plan.responder, 'responder', plan.older));
}
