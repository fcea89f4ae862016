import type { Bytes } from '@bulla/crypto';
import { CryptoError, equalBytes } from '@bulla/crypto';
import type { Frontier, TreeHead } from '@bulla/crypto/log';
import { parseFrontier, treeHeadOf } from '@bulla/crypto/log';
import type { Selectable } from 'kysely';
import { LogLost } from './log-lost.js';
import type { AuditLogTable } from './log-tables.js';

/** The head of a log as the database has it. */
export interface LogHead extends TreeHead {
  readonly org: string;
  /** Counts from 1. */
  readonly log: number;
  readonly origin: string;
  readonly frontier: Frontier;
  readonly checkpoint: string | null;
  readonly signedSize: number;
}

/**
 * A stored head, whose frontier has to lead to its root.
 * @throws {LogLost} `changed` if it does not
 */
export async function logHeadOf(row: Selectable<AuditLogTable>): Promise<LogHead> {
  const { org, log, origin, size, checkpoint, checkpoint_size: signedSize } = row;
  const root = copyOf(row.root);
  const frontier = frontierOf(row);
  // guard: log-frontier-root without: if (frontier === undefined)
  if (frontier === undefined || !equalBytes((await treeHeadOf(frontier)).root, root)) throw new LogLost('changed');
  return { org, log, origin, size, root, frontier, checkpoint, signedSize };
}

/** Undefined where the peaks are not as many as the size asks for. */
function frontierOf({ size, frontier }: Selectable<AuditLogTable>): Frontier | undefined {
  try {
    return parseFrontier(size, frontier);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

/** Bytes of their own: those of the driver may be part of a larger buffer. */
export function copyOf(bytes: Uint8Array): Bytes {
  return Uint8Array.from(bytes);
}
