import type { Trust, Verdict } from '@bulla/crypto';
import { CryptoError, verifyReplyCheckpoint } from '@bulla/crypto';
import type { TrustStore } from '../../trust/trust-store.js';
import type { ToldHead } from './told-heads.js';
import { contradicted, forkText, toldHead, withTold } from './told-heads.js';

/** Where a machine remembers an organisation that it knows. */
export interface Remembered {
  readonly org: string;
  readonly store: TrustStore;
  /** What it trusted last. */
  readonly trust: Trust;
}

/**
 * Holds what an answer file tells of its responder's log against what this machine knows of it, and keeps it.
 * @returns the verdict; another one, with the failure log_inconsistent (fork), where the two contradict each other
 */
export async function holdTold(verdict: Verdict, { org, store, trust }: Remembered): Promise<Verdict> {
  const { answer } = verdict;
  if (answer?.checkpoint === undefined) return verdict;
  const { checkpoint: note, responder } = answer;
  // What a stolen key signed says nothing of the log.
  if (await isRevoked(note, responder, trust)) return verdict;
  const head = toldHead(note);
  let isFork = false;
  await store.update(org, trust.pin, (state) => {
    if (state === undefined) throw new Error('what was remembered is gone');
    isFork = contradicted(state, head) !== undefined;
    return withTold(state, head);
  });
  // guard: told-fork-file without: return verdict;
  return isFork ? refusedFor(verdict, head) : verdict;
}

async function isRevoked(note: string, responder: string, trust: Trust): Promise<boolean> {
  try {
    await verifyReplyCheckpoint(note, { trust, responder });
    return false;
  } catch (error) {
    if (error instanceof CryptoError) return error.code === 'key_revoked';
    throw error;
  }
}

function refusedFor({ checks }: Verdict, { origin, size }: ToldHead): Verdict {
  const failure = new CryptoError('log_inconsistent', forkText(origin, size), { check: 'fork' });
  const at = checks.findIndex(({ name }) => name === 'checkpoint');
  const failed = { name: 'checkpoint', state: 'failed', detail: failure.message } as const;
  return { valid: false, verdict: 'REFUSED', checks: [...checks.slice(0, at), failed], failure };
}
