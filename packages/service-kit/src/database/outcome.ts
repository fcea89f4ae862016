import type { Kysely } from 'kysely';
import { databaseFault } from './database-fault.js';

/** The connection, the server or its system failed: PostgreSQL may have done what it was asked, and could not say so. */
const UNTOLD = /^(08...|57P..|58...|XX...|40003|EPIPE)$/;

/** A statement was sent, and it is not known whether it was done. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';

  /** @param cause what was heard instead of an answer. */
  constructor(override readonly cause: unknown) {
    super('it is not known whether the statement was done', { cause });
  }
}

/**
 * Sends one statement that is a transaction of its own, over one connection.
 * @throws {OutcomeUnknown}; else whatever the database says, and then nothing was done
 */
export async function sendOnce<Tables, Value>(
  db: Kysely<Tables>,
  send: (over: Kysely<Tables>) => Promise<Value>,
): Promise<Value> {
  let isSent = false;
  try {
    return await db.connection().execute((over) => {
      isSent = true;
      return send(over);
    });
  } catch (error) {
    if (!isSent || isRefusal(error)) throw error;
    throw new OutcomeUnknown(error);
  }
}

/** Whether PostgreSQL itself says that it did nothing. */
function isRefusal(error: unknown): boolean {
  const code = databaseFault(error)?.code ?? '';
  return /^[0-9A-Z]{5}$/.test(code) && !UNTOLD.test(code);
}
