import type { AuditEntry, AuditLeaf } from '@bulla/contract';
import { parseLeaf } from '@bulla/contract';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { askLog } from './audit-call.js';

/** Which entries are wanted; all where nothing is said. Times are RFC 3339. */
export interface AuditFilter {
  /** Thumbprint of a key: what its holder asked for. */
  readonly actor?: string | undefined;
  /** Such as `envelope.issue`. */
  readonly act?: string | undefined;
  /** An id that the entry names, such as that of a prompt or an envelope. */
  readonly object?: string | undefined;
  readonly result?: 'ok' | 'denied' | 'error' | undefined;
  /** At this moment or later. */
  readonly since?: string | undefined;
  /** Before this moment. */
  readonly until?: string | undefined;
}

/** An entry as a service shows it: its word, until the log is verified. */
export interface ListedEntry {
  /** URN of the service. */
  readonly service: string;
  /** Which of its logs; counts from 1. */
  readonly log: number;
  /** Place in the log; counts from 0. */
  readonly index: number;
  /** RFC 3339: when it came into the log. */
  readonly at: string;
  /** Exactly as it was hashed. */
  readonly leaf: string;
  /** What it says; undefined where it is of a version of Bulla that this one does not know. */
  readonly entry: AuditLeaf | undefined;
}

/** Which log, and from where on. */
export interface EntriesPlace {
  readonly service: Service;
  readonly log: number;
  /** On from this index, to newer ones; from the newest on, to older ones, unless given. */
  readonly from?: number | undefined;
  /** How many are asked for at a time. */
  readonly pageSize?: number | undefined;
}

const PAGE_MAX = 200;

/** The entries of one log that fit, page by page. */
export async function* entriesOf(
  session: Session,
  { service, log, from, pageSize = PAGE_MAX }: EntriesPlace,
  filter: AuditFilter,
): AsyncGenerator<ListedEntry> {
  let cursor: string | undefined;
  do {
    const query = { ...filter, log, from, cursor, limit: Math.min(pageSize, PAGE_MAX) };
    const { data, next_cursor: next } = await askLog(session, service, 'audit.list', { query });
    for (const entry of data) yield listed(service.urn, log, entry);
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}

export function listed(service: string, log: number, { index, at, leaf }: AuditEntry): ListedEntry {
  return { service, log, index, at, leaf, entry: readLeaf(leaf) };
}

function readLeaf(leaf: string): AuditLeaf | undefined {
  try {
    return parseLeaf(leaf);
  } catch {
    return undefined;
  }
}
