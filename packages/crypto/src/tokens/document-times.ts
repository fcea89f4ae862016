import * as z from '#zod';
import { CryptoError } from '../names/errors.js';
import { requireSeconds } from '../names/seconds.js';

/** A moment in a signed document: RFC 3339 in UTC with whole seconds, such as `2026-11-24T22:29:02Z`. */
export const timestampSchema = z.string().check(
  z.regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/),
  // The calendar decides: 30 February has the right shape.
  z.refine((text) => !Number.isNaN(Date.parse(text)) && written(Date.parse(text)) === text),
);

/** Seconds since 1970 of a timestamp that its schema accepted. */
export function secondsOf(timestamp: string): number {
  return Date.parse(timestamp) / 1000;
}

/** The timestamp of whole seconds since 1970. */
export function timestampOf(seconds: number): string {
  requireSeconds(seconds);
  return written(seconds * 1000);
}

function written(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

const DAY_SECONDS = 86_400;

/**
 * Checks that a document's life is positive and not longer than its type may live.
 * @throws {CryptoError} token_malformed
 */
export function checkLife(document: { readonly issued: string; readonly expires: string }, daysMax: number): void {
  const life = secondsOf(document.expires) - secondsOf(document.issued);
  if (life <= 0 || life > daysMax * DAY_SECONDS) {
    throw new CryptoError('token_malformed', `the document does not expire within ${daysMax} days of its issue`);
  }
}
