import { CryptoError, decodeBase64url, encodeBase64url, strictParseBody, utf8 } from '@bulla/crypto';
import { encodeFrontier, parseFrontier } from '@bulla/crypto/log';
import * as z from 'zod';
import type { LogPlace } from './log-place.js';

/** What a stream keeps on disk: whose logs go where, and how far that is done. */
export interface StreamState {
  readonly org: string;
  /** Of the organisation's root. */
  readonly pin: string;
  /** The address of the sink, without secrets. */
  readonly to: string;
  /** The process that goes on from here; another one that finds its name replaced stops. */
  readonly writer: string;
  readonly places: readonly LogPlace[];
}

const Place = z.strictObject({
  service: z.string().regex(/^urn:bulla:[a-z0-9:-]{1,200}$/),
  log: z.int().min(1),
  /** Index of the entry that comes next. */
  next: z.int().min(0),
  /** The frontier of the tree of all entries before it (docs/spec/merkle.md). */
  peaks: z.string().regex(/^[A-Za-z0-9_-]{0,4096}$/),
});
const State = z.strictObject({
  v: z.literal(1),
  org: z.string().regex(/^[a-z0-9-]{1,64}$/),
  pin: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  to: z.string().min(1).max(2_048),
  writer: z.string().regex(/^[0-9a-f-]{36}$/),
  places: z.array(Place).max(1_000),
});

const STATE_BYTES_MAX = 8 * 1024 * 1024;

export function encodeState({ places, ...state }: StreamState): string {
  const encoded = places.map(({ service, log, frontier }) => ({
    service,
    log,
    next: frontier.size,
    peaks: encodeBase64url(encodeFrontier(frontier)),
  }));
  return `${JSON.stringify({ v: 1, ...state, places: encoded }, null, 2)}\n`;
}

/** @throws {CryptoError} token_malformed */
export function parseState(text: string): StreamState {
  const read = State.safeParse(strictParseBody(utf8(text), { maxBytes: STATE_BYTES_MAX }));
  if (!read.success) throw new CryptoError('token_malformed', 'it is not the place of a stream');
  const { v: _, places, ...state } = read.data;
  return {
    ...state,
    places: places.map(({ service, log, next, peaks }) => ({
      service,
      log,
      frontier: parseFrontier(next, decodeBase64url(peaks)),
    })),
  };
}
