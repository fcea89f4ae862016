import type { Settings } from '../process/settings.js';
import { SettingsError } from '../process/settings.js';
import type { ServerTlsOptions } from './server-tls.js';
import { ServerTls } from './server-tls.js';
import type { tlsSettings } from './tls-settings.js';

export interface TlsPlace extends Pick<ServerTlsOptions, 'clock' | 'log'> {
  /** What clients call the service: none where only names of this machine count. */
  readonly publicUrls: readonly string[] | undefined;
  /** Where there are some, clients see their certificates, and their names. */
  readonly trustedProxies: readonly string[] | undefined;
}

/**
 * TLS as the settings want it, or undefined where they want none.
 * @throws {SettingsError} in one line, for a pair that clients would refuse, and for settings that contradict each other
 */
export function loadTls(settings: Settings<typeof tlsSettings>, place: TlsPlace): ServerTls | undefined {
  const { BULLA_TLS_CERT_FILE: certFile, BULLA_TLS_KEY_FILE: keyFile } = settings;
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined) throw missing('BULLA_TLS_CERT_FILE', 'BULLA_TLS_KEY_FILE');
  if (keyFile === undefined) throw missing('BULLA_TLS_KEY_FILE', 'BULLA_TLS_CERT_FILE');
  const { publicUrls = [], trustedProxies = [], clock, log } = place;
  const seen = trustedProxies.length > 0 ? [] : publicUrls.map((url) => new URL(url));
  // guard: tls-public-http
  if (seen.some(({ protocol }) => protocol === 'http:'))
    throw new SettingsError([
      'BULLA_PUBLIC_URL: one of its URLs begins with http, and with BULLA_TLS_CERT_FILE the service speaks TLS alone; expected https',
    ]);
  return ServerTls.load({ certFile, keyFile, hosts: seen.map(({ hostname }) => hostname), clock, log });
}

function missing(name: string, other: string): SettingsError {
  return new SettingsError([`${name} is not set; expected it together with ${other}`]);
}
