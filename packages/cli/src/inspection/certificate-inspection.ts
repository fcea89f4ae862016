import { connect } from 'node:tls';
import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { tlsFaultInWords } from '@bulla/client';
import { tlsFaultOf } from '@bulla/contract';
import { timestampOf } from '@bulla/crypto';
import { tlsHint } from '../output/hints.js';
import type { Finding } from './inspection.js';

const DAY_MS = 86_400_000;
/** As the services say it themselves: what lasts 90 days is mostly renewed when 30 are left. */
const ENDING_MS = 14 * DAY_MS;
const ENDING_PART = 3;
const TIMEOUT_MS = 5_000;

/**
 * The certificate of a service, by a connection of its own; undefined where the address is not one of https, or nothing
 * answers there.
 * @param caFile the file of authorities that this command trusts, for what it says.
 */
export async function inspectCertificate(
  name: string,
  url: string,
  { nowMs, caFile }: { readonly nowMs: number; readonly caFile?: string | undefined },
): Promise<Finding | undefined> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'https:') return undefined;
  const host = hostname.replaceAll(/[[\]]/g, '');
  const shown = await shownCertificate(host, port === '' ? 443 : Number(port));
  if (shown === undefined) return undefined;
  const about = {
    name: `${name} certificate`,
    fix: 'put a new pair in the place of BULLA_TLS_CERT_FILE and BULLA_TLS_KEY_FILE',
  };
  const fault = tlsFaultOf(shown.error);
  if (fault !== undefined)
    return {
      ...about,
      ok: false,
      detail: tlsFaultInWords(fault),
      data: { fault },
      fix: tlsHint(fault, { caFile }),
    };
  const { valid_from: from, valid_to: to, issuer } = shown.certificate;
  const [begins, ends] = [Date.parse(from), Date.parse(to)];
  const left = ends - nowMs;
  const days = Math.floor(left / DAY_MS);
  return {
    ...about,
    ok: left > Math.min(ENDING_MS, (ends - begins) / ENDING_PART),
    detail: `${days} days left, by ${visible(issuer.CN ?? issuer.O)}`,
    data: { expires: timestampOf(Math.floor(ends / 1000)), days_left: days },
  };
}

interface ShownCertificate {
  readonly certificate: PeerCertificate;
  /** Why it is not good. */
  readonly error: unknown;
}

/** Undefined where no handshake comes about for another reason than the certificate. */
function shownCertificate(host: string, port: number): Promise<ShownCertificate | undefined> {
  const { promise, resolve } = Promise.withResolvers<ShownCertificate | undefined>();
  // Only looked at: nothing is sent on this connection.
  const options = { host, port, rejectUnauthorized: false, ...(isIP(host) === 0 && { servername: host }) };
  const socket = connect(options, () => {
    resolve({ certificate: socket.getPeerCertificate(), error: codeOf(socket.authorizationError) });
    socket.destroy();
  });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => resolve(undefined)).on('close', () => resolve(undefined));
  return promise;
}

/** What Node gives is an error, or its code alone, whatever its types say. */
function codeOf(error: unknown): unknown {
  return typeof error === 'string' ? { code: error } : error;
}

/** A name that anybody may have written. */
function visible(name: string | string[] | undefined): string {
  return String(name ?? 'an authority without a name')
    .replaceAll(/\p{C}/gu, '\u{fffd}')
    .slice(0, 100);
}
