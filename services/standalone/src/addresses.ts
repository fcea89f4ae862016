import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { StartError } from './start-error.js';

/** Where everything listens, and how clients on this machine say it. */
export interface Addresses {
  readonly host: string;
  readonly vaultPort: number;
  readonly responderPort: number;
  readonly metricsPorts: { readonly vault: number; readonly responder: number };
  readonly vaultUrl: string;
  readonly responderUrl: string;
}

export interface WantedAddresses {
  readonly BULLA_HOST: string;
  readonly BULLA_VAULT_PORT: number;
  readonly BULLA_RESPONDER_PORT: number;
  readonly BULLA_METRICS_PORT: number;
  /** Where it is there, the services speak TLS. */
  readonly BULLA_TLS_CERT_FILE?: string | undefined;
}

/** Listening on all interfaces includes this one. */
const WILDCARDS = new Set(['0.0.0.0', '::', '[::]']);

/**
 * Finds out that every port is free, before anything is written, and puts a number in the place of each 0: the
 * directory states addresses, so they have to be known before a service listens.
 * @throws {StartError} naming the port and the setting that changes it
 */
export async function findAddresses(wanted: WantedAddresses): Promise<Addresses> {
  const host = wanted.BULLA_HOST;
  const ports = portsOf(wanted);
  requireDifferent(ports);
  const found = await holdAll(host, ports);
  const [vaultPort, responderPort, vault, responder] = found as [number, number, number, number];
  const base = baseOf(wanted);
  return {
    host,
    vaultPort,
    responderPort,
    metricsPorts: { vault, responder },
    vaultUrl: `${base}:${vaultPort}`,
    responderUrl: `${base}:${responderPort}`,
  };
}

/**
 * Where the services will be found when they start, whatever listens there now; a free port in the place of each 0.
 * @throws {StartError} naming the setting that cannot be
 */
export async function plannedUrls(wanted: WantedAddresses): Promise<Pick<Addresses, 'vaultUrl' | 'responderUrl'>> {
  const host = wanted.BULLA_HOST;
  const ports = portsOf(wanted);
  requireDifferent(ports);
  const base = baseOf(wanted);
  const [vault = [], responder = []] = ports;
  const free = await holdAll(
    host,
    ports.filter(([, port]) => port === 0),
  );
  const [vaultUrl = '', responderUrl = ''] = [vault, responder].map(
    ([, port]) => `${base}:${port === 0 ? free.shift() : port}`,
  );
  return { vaultUrl, responderUrl };
}

function portsOf(wanted: WantedAddresses): [setting: string, port: number][] {
  const metrics = wanted.BULLA_METRICS_PORT;
  return [
    ['BULLA_VAULT_PORT', wanted.BULLA_VAULT_PORT],
    ['BULLA_RESPONDER_PORT', wanted.BULLA_RESPONDER_PORT],
    ['BULLA_METRICS_PORT', metrics],
    ['BULLA_METRICS_PORT', metrics === 0 ? 0 : metrics + 1],
  ];
}

/** Scheme and host of both services. */
function baseOf({ BULLA_HOST: host, BULLA_TLS_CERT_FILE: certFile }: WantedAddresses): string {
  return `${certFile === undefined ? 'http' : 'https'}://${urlHost(host)}`;
}

/** The host as URLs of this machine name it. */
export function urlHost(host: string): string {
  if (WILDCARDS.has(host)) return '127.0.0.1';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function requireDifferent(ports: readonly (readonly [string, number])[]): void {
  const taken = new Map<number, string>();
  for (const [setting, port] of ports) {
    const other = port === 0 ? undefined : taken.get(port);
    if (other !== undefined)
      throw new StartError(`${setting} and ${other} both come to port ${port}; expected different ports`, 78);
    taken.set(port, setting);
  }
  if (ports.some(([, port]) => port > 65_535))
    throw new StartError('BULLA_METRICS_PORT: expected at most 65534, since the next port is used too', 78);
}

/** Listens on all of them at once, so that two zeros are never the same port, and lets go. */
async function holdAll(host: string, ports: readonly (readonly [string, number])[]): Promise<number[]> {
  const servers = [];
  try {
    for (const [setting, port] of ports) servers.push(await hold(host, setting, port));
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function hold(host: string, setting: string, port: number) {
  const server = createServer();
  return new Promise<typeof server>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(refusal(error.code, host, setting, port)));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

function refusal(code: string | undefined, host: string, setting: string, port: number): StartError {
  if (code === 'EADDRINUSE')
    return new StartError(`port ${port} is in use; stop what listens there, or set ${setting} to another port`, 1);
  if (code === 'EACCES')
    return new StartError(`port ${port} may not be used by this account; set ${setting} to one above 1023`, 1);
  return new StartError(
    `BULLA_HOST: cannot listen on ${host} (${code ?? 'unknown'}); expected an address of this machine`,
    78,
  );
}
