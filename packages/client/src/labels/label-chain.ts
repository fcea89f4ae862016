import type { ChainTuple, Trust } from '@bulla/crypto';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

const PAGE = 200;

/** Which moves of a label are wanted. */
export interface MovesWanted {
  /** Of a prompt that bears the name, or bore it. */
  readonly id: string;
  readonly label: string;
  /** Number of the position that is known. */
  readonly after: number;
  /** Number of the last one of interest: nothing beyond is asked for. */
  readonly until: number;
}

/** The moves of a label after a position, in order. Nobody has verified them: what they lead to is signed. */
export async function readMoves(
  session: Session,
  trust: Trust,
  { id, label, after, until }: MovesWanted,
): Promise<ChainTuple[]> {
  const moves: ChainTuple[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(PAGE, until - after - moves.length);
    const call = { params: { id, label }, query: { from: after, limit, cursor } };
    const page = await session.transport.call('label.chain', vaultOf(session, trust), trust, call);
    moves.push(...page.data);
    // A page without moves and with a cursor would be asked for without end.
    cursor = page.data.length > 0 ? (page.next_cursor ?? undefined) : undefined;
  } while (cursor !== undefined && moves.length < until - after);
  return moves;
}
