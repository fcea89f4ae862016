import type { Trust } from '@bulla/crypto';
import { bullaError } from './errors.js';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a host is this machine: `localhost`, 127.0.0.0/8, `[::1]`. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/**
 * Refuses a development organisation off this machine: it keeps every key in one folder, so only that machine's own
 * services can be meant (protocol.md §4).
 * @param url where a service of the organisation is.
 * @throws {TrustError} pin_mismatch (root-profile)
 */
export function requireLoopback({ org, profile }: Trust, url: URL): void {
  // guard: client-loopback without: return;
  if (profile !== 'development' || isLoopback(url.hostname)) return;
  throw bullaError('pin_mismatch', {
    message: `${org} is a development organisation and ${url.host} is not on this machine; use an organisation with profile production`,
    check: 'root-profile',
    origin: 'client',
  });
}
