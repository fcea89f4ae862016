import * as z from 'zod';
import { AuditEvent } from '../events.js';
import { AuditEntryId, Organisation, RequestId, Timestamp } from '../ids.js';

/** What the log adds to an event: which entry it is, when it was written, in whose log, and for which request. */
const Stamp = z.strictObject({
  id: AuditEntryId,
  /** By the clock of the service. The order of the log is its index, not this. */
  t: Timestamp,
  org: Organisation,
  /** X-Request-Id of the request; absent where no single one brought it about. */
  rid: RequestId.optional(),
});
export type AuditStamp = z.input<typeof Stamp>;

/** One entry of the log as its leaf spells it (docs/spec/audit-log.md). */
export type AuditLeaf = AuditStamp & AuditEvent;

/** The text of a leaf. Its UTF-8 is what is stored, hashed and handed out. @throws {ZodError} for what is no event */
export function encodeLeaf({ id, t, org, rid }: AuditStamp, event: AuditEvent): string {
  const { v, act, res, ...rest } = AuditEvent.parse(event);
  return JSON.stringify({ v, id, t, org, act, res, ...rest, rid });
}

/** A leaf that was handed out. @throws {SyntaxError} for what is no JSON; {ZodError} for what is no leaf */
export function parseLeaf(text: string): AuditLeaf {
  const { id, t, org, rid, ...event } = (JSON.parse(text) ?? {}) as Record<string, unknown>;
  return { ...Stamp.parse({ id, t, org, ...(rid !== undefined && { rid }) }), ...AuditEvent.parse(event) };
}
