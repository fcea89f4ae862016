import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { askLog } from './audit-call.js';

/** Whose evidence is erased. */
export interface EraseChoice {
  /** Thumbprints of keys: what their holders asked for. */
  readonly actors: readonly string[];
  /** RFC 3339: what came into a log before that moment; all unless given. */
  readonly until?: string | undefined;
}

/** Has a service erase evidence of one key in one log, until there is no more. @returns of how many entries */
export async function eraseIn(
  session: Session,
  service: Service,
  query: { readonly log: number; readonly actor: string; readonly until: string | undefined },
): Promise<number> {
  for (let count = 0; ; ) {
    const { erased, more } = await askLog(session, service, 'audit.erase', { query });
    count += erased;
    if (!more) return count;
  }
}
