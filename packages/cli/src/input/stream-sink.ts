import { hostname } from 'node:os';
import type { StreamSink } from '@bulla/client';
import { EXAMPLE_ENTERPRISE, isLoopback } from '@bulla/client';
import { HttpSink, SyslogSink } from '@bulla/client/node';
import type { Command } from 'commander';
import type { Io } from '../io.js';
import { readText } from './files.js';
import { readSetting, SettingError } from './settings.js';
import { UsageError } from './usage-error.js';

/** How a sink is talked to. */
export interface SinkOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly plain?: boolean;
  readonly maxMessage: string;
  readonly enterprise: string;
}

/** Where a sink is. */
interface SinkAddress {
  readonly kind: 'syslog+tls' | 'syslog+tcp' | 'http';
  readonly url: URL;
}

const TOKEN = 'BULLA_STREAM_TOKEN';
/** RFC 5425 §4.3.1: what every receiver should take. */
const MESSAGE_MAX = 8_192;
/** RFC 5425 §4.3.1: what every receiver has to take. */
const MESSAGE_LEAST = 2_048;
/** The longest entry, and what stands before it. */
const MESSAGE_MOST = 131_072;
const ENTERPRISE_MAX = 4_294_967_295;
/** Registered for syslog over TLS (RFC 5425 §4.1), and where syslog over TCP is found (RFC 6587 §3.1). */
const PORTS = { 'syslog+tls': 6_514, 'syslog+tcp': 601 } as const;

/** The options by which a sink is talked to. */
export function withSink(command: Command): Command {
  return command
    .option('--ca <file>', 'PEM: the authorities that may vouch for the sink (default: those that Node knows)')
    .option('--cert <file>', 'PEM: the certificate that is shown to the sink, where it wants one; with --key')
    .option('--key <file>', 'PEM: its private key')
    .option('--plain', 'syslog+tcp to another machine, without encryption: everybody on the way reads and changes it')
    .option(
      '--max-message <bytes>',
      `syslog: the longest message that the sink takes (default: ${MESSAGE_MAX})`,
      String(MESSAGE_MAX),
    )
    .option(
      '--enterprise <number>',
      `syslog: your private enterprise number, for the SD-ID (default: ${EXAMPLE_ENTERPRISE}, that of examples)`,
      String(EXAMPLE_ENTERPRISE),
    );
}

/**
 * The address of a sink, as it is kept and shown: without a secret in it.
 * @throws {UsageError}
 */
export function requireSinkAddress(text: string, { plain }: Pick<SinkOptions, 'plain'>): string {
  const { kind, url } = addressOf(text);
  // guard: sink-plain-http
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new UsageError('--to: http is for a sink on this machine; elsewhere it has to be https');
  // guard: sink-plain-syslog
  if (kind === 'syslog+tcp' && plain !== true && !isLoopback(url.hostname))
    throw new UsageError(
      '--to: syslog+tcp is not encrypted, and nobody knows who receives it',
      'use syslog+tls, or say --plain where the network itself is safe',
    );
  return url.href;
}

/** A sink at an address that was checked before. @throws {UsageError}; {SettingError} */
export async function openSink(io: Io, address: string, options: SinkOptions): Promise<StreamSink> {
  const { kind, url } = addressOf(requireSinkAddress(address, options));
  const ca = options.ca === undefined ? undefined : await readText(io, options.ca);
  const client = await clientOf(io, options);
  if (kind === 'http') {
    // Read each time, so that a new token needs no new start; once here, so that a wrong one is said at once.
    const token = () => tokenOf(io);
    token();
    return new HttpSink({ url, ca, client, token });
  }
  return new SyslogSink({
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: url.port === '' ? PORTS[kind] : Number(url.port),
    tls: kind === 'syslog+tls',
    ca,
    client,
    sender: { hostname: hostname(), enterprise: wholeNumber('--enterprise', options.enterprise, 1, ENTERPRISE_MAX) },
    messageMax: wholeNumber('--max-message', options.maxMessage, MESSAGE_LEAST, MESSAGE_MOST),
  });
}

function addressOf(text: string): SinkAddress {
  const url = URL.parse(text);
  const bad = new UsageError(
    '--to: expected syslog+tls://HOST:6514, syslog+tcp://HOST:601 or https://HOST/PATH, without a name, a password or a query in it',
    `a token for HTTP comes from the file that ${TOKEN}_FILE names`,
  );
  if (url === null || url.hostname === '' || url.username !== '' || url.password !== '') throw bad;
  // guard: sink-address-secrets
  if (url.search !== '' || url.hash !== '' || text.includes('?')) throw bad;
  if (url.protocol === 'https:' || url.protocol === 'http:') return { kind: 'http', url };
  const kind = url.protocol.slice(0, -1);
  if (kind !== 'syslog+tls' && kind !== 'syslog+tcp') throw bad;
  if (!/^\/?$/.test(url.pathname)) throw bad;
  return { kind, url };
}

async function clientOf(io: Io, { cert, key }: SinkOptions): Promise<{ cert: string; key: string } | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new UsageError('--cert and --key go together');
  return { cert: await readText(io, cert), key: await readText(io, key) };
}

function tokenOf({ env }: Io): string | undefined {
  const token = readSetting(env, TOKEN);
  // guard: sink-token-form
  if (token !== undefined && !/^[A-Za-z0-9._~+/-]{1,8192}=*$/.test(token))
    throw new SettingError(`${TOKEN}: expected a bearer token (RFC 6750), in one line`);
  return token;
}

/** @throws {UsageError} */
function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : 0;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${option}: expected a number from ${least} to ${most}`);
}
