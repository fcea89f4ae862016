import type { GrantSummary } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

const PAGE = 200;

/**
 * Which keys hold grants of a prompt, by the vault's list, which it can shorten.
 * @param prompt with a version where only the grants of that are wanted.
 * @throws {BullaError} forbidden to whom the vault does not show grants
 */
export async function grantsOf(
  session: Session,
  trust: Trust,
  { id, version }: { readonly id: string; readonly version?: number },
): Promise<GrantSummary[]> {
  const grants: GrantSummary[] = [];
  let cursor: string | undefined;
  do {
    const call = { params: { id }, query: { version, limit: PAGE, cursor } };
    const page = await session.transport.call('grant.list', vaultOf(session, trust), trust, call);
    grants.push(...page.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return grants;
}
