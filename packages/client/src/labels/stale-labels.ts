import type { Trust } from '@bulla/crypto';
import { BullaError } from '../connection/errors.js';
import type { PromptRef } from './labels.js';
import { resolveLabel } from './labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/**
 * Labels of a prompt that enough people signed, and whose position nobody has called the newest lately: they do not run,
 * and no signature of a person mends that.
 */
export async function staleLabels(session: Session, trust: Trust, prompt: PromptRef): Promise<string[]> {
  const call = { params: { id: prompt.id } };
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, call);
  const stale: string[] = [];
  for (const { label, version } of data)
    if (version > 0 && (await isStale(session, trust, prompt, label))) stale.push(label);
  return stale;
}

async function isStale(session: Session, trust: Trust, prompt: PromptRef, label: string): Promise<boolean> {
  try {
    await resolveLabel(session, trust, prompt, label);
    return false;
  } catch (error) {
    // What else may be wrong with it, dueLabels says.
    if (error instanceof BullaError && error.origin === 'client') return error.check === 'tag-fresh';
    throw error;
  }
}
