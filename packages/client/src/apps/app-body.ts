import type { Bytes } from '@bulla/crypto';
import { CryptoError, strictParseBody } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import { refused } from './app-errors.js';
import type { AppRequest } from './app-request.js';

/** An object of an app's JSON, whose members are still to be looked at. */
export type AppObject = Readonly<Record<string, unknown>>;

/** Longest body of an app: a sealed question holds no more (docs/spec/invocation.md). */
export const APP_BODY_BYTES_MAX = 12 * 1024 * 1024;
const LIMITS = {
  maxBytes: APP_BODY_BYTES_MAX,
  maxDepth: 96,
  // Schemas of tools may well have a member that is called constructor.
  forbidden: new Set(['__proto__']),
};

/**
 * The body of a request as a JSON object.
 * @throws {BullaError} payload_too_large, unsupported_media_type, validation_failed
 */
export function readAppBody({ body, header }: Pick<AppRequest, 'body' | 'header'>): AppObject {
  const type = header('content-type')?.split(';')[0]?.trim().toLowerCase();
  // guard: app-body-media
  if (type !== 'application/json') {
    const message = 'the body must be JSON, with content-type application/json';
    throw bullaError('unsupported_media_type', { message, origin: 'client' });
  }
  const value = parsed(body as Bytes);
  if (!isAppObject(value)) throw refused('', 'must be a JSON object');
  return value;
}

function parsed(body: Bytes): unknown {
  try {
    return strictParseBody(body, LIMITS);
  } catch (error) {
    const isTooLarge = error instanceof CryptoError && error.code === 'payload_too_large';
    if (!isTooLarge) throw refused('', 'is not JSON, or has a member twice');
    const message = `the request has more than ${APP_BODY_BYTES_MAX / 1024 ** 2} MiB, more than a sealed question holds`;
    throw bullaError('payload_too_large', { message, origin: 'client' });
  }
}

/** Whether it is an object, and no list. */
export function isAppObject(value: unknown): value is AppObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same without members that are null: for apps these are as good as absent. */
export function withoutNulls(object: AppObject): AppObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== undefined));
}
