import type { UnfitGrant } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { tokenHash } from '@bulla/crypto';
import { BullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

const PAGE = 200;

/**
 * Grants that their recipients took back since they did not give the key of their content, by the vault's list.
 * @throws {BullaError} forbidden to whom the vault does not show grants
 */
export async function unfitGrants(session: Session, trust: Trust): Promise<UnfitGrant[]> {
  const found: UnfitGrant[] = [];
  let cursor: string | undefined;
  do {
    const call = { query: { limit: PAGE, cursor } };
    const page = await session.transport.call('grant.unfit', vaultOf(session, trust), trust, call);
    found.push(...page.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/** Lets one who posted an unfit grant give that key that version again. @throws {BullaError} forbidden but for an admin */
export async function clearUnfit(
  session: Session,
  trust: Trust,
  { whash, by }: Pick<UnfitGrant, 'whash' | 'by'>,
): Promise<void> {
  const call = { params: { whash }, query: { by } };
  await session.transport.call('grant.clear', vaultOf(session, trust), trust, call);
}

/**
 * Takes back a grant of this device that does not give the key of its content, and says so: then somebody else can give it
 * one that does (protocol.md A16).
 * @returns whether the vault let go of it
 */
export async function takeBack(session: Session, trust: Trust, id: string, grant: string): Promise<boolean> {
  const call = { params: { id, whash: await tokenHash(grant) }, query: { because: 'unfit' as const } };
  try {
    await session.transport.call('grant.delete', vaultOf(session, trust), trust, call);
    return true;
  } catch (error) {
    if (error instanceof BullaError) return false;
    throw error;
  }
}
