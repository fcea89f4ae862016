import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { askLog } from './audit-call.js';

/** What a service set aside. */
export interface SetAsideRows {
  readonly urn: string;
  readonly items: number;
}

/** Has a service set aside all that it cannot check. */
export async function setAsideIn(session: Session, service: Service): Promise<SetAsideRows> {
  for (let all = 0; ; ) {
    const { items, more } = await askLog(session, service, 'audit.set-aside', {});
    all += items;
    if (!more) return { urn: service.urn, items: all };
  }
}
