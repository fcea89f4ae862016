import type { StandingLabel } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import type { SeenName } from '../trust/trust-store.js';

const PAGE = 200;

/** Labels that were asked for at once. */
export interface StandingPage {
  readonly labels: readonly StandingLabel[];
  /** What was seen of their names before they were asked for. */
  readonly before: (name: string) => SeenName | undefined;
}

/** Where every label of the organisation stands by the vault's word, deleted ones included: for a renewer. */
export async function* standingLabels(session: Session, trust: Trust): AsyncGenerator<StandingPage> {
  let cursor: string | undefined;
  do {
    const call = { query: { limit: PAGE, cursor } };
    const before = await session.labels.seenOfAll();
    const page = await session.transport.call('label.all', vaultOf(session, trust), trust, call);
    yield { labels: page.data, before };
    // A page without labels and with a cursor would be asked for without end.
    cursor = page.data.length > 0 ? (page.next_cursor ?? undefined) : undefined;
  } while (cursor !== undefined);
}
