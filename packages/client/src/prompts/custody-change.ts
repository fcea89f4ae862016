import type { CustodyTrust, Trust } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import { custodyUnder } from './custody.js';

/** What another policy would do to the custody of names that have versions. */
export interface CustodyChange {
  /** Names that would become managed, by the memory of this machine: the vault does not show them. */
  readonly remembered: readonly string[];
  /** Names whose versions the vault would forget how to read, and nobody could run until they are pushed again. */
  readonly ended: readonly string[];
}

const PAGE = 200;

/**
 * Looks for names with versions whose custody another policy would change, by the vault's list and by memory.
 * @throws {BullaError} custody_not_allowed where sealed versions stand under a name that would become managed
 */
export async function custodyChange(
  session: Session,
  trust: Trust,
  policy: CustodyTrust['policy'],
): Promise<CustodyChange> {
  const becomes = (name: string, custody: 'sealed' | 'managed') =>
    custodyUnder(name, { policy }) === custody && custodyUnder(name, trust) !== custody;
  const sealed: string[] = [];
  const ended: string[] = [];
  const shown = new Set<string>();
  let cursor: string | undefined;
  do {
    const query = { prefix: undefined, label: undefined, status: undefined, limit: PAGE, cursor };
    const page = await session.transport.call('prompt.list', vaultOf(session, trust), trust, { query });
    for (const { name, latest_version: newest } of page.data) {
      shown.add(name);
      if (newest === 0) continue;
      if (becomes(name, 'managed')) sealed.push(name);
      if (becomes(name, 'sealed')) ended.push(name);
    }
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  // guard: client-custody-sealed
  if (sealed.length > 0)
    throw bullaError('custody_not_allowed', {
      message: `nothing was signed: ${sealed.join(', ')} ${sealed.length === 1 ? 'has' : 'have'} versions that were sealed, which the vault cannot read, and would become managed; choose another prefix, or delete them first`,
      origin: 'client',
      status: 403,
    });
  const names = (await session.keeper.state())?.names.map(([name]) => name) ?? [];
  const remembered = names.filter((name) => !shown.has(name) && becomes(name, 'managed'));
  return { remembered, ended };
}
