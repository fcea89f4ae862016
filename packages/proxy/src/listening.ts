import { isLoopback } from '@bulla/client';

/** Where the proxy listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Where it listens unless a setting says otherwise. */
export const LISTEN = '127.0.0.1:4141';

/** The proxy cannot begin; the message says why, and what to do. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
}

/**
 * The address in `127.0.0.1:4141` or `[::1]:4141`; port 0 takes a free one.
 * @throws {ProxyError} for an address off this machine: what apps send there would travel in the clear
 */
export function parseListen(text: string): ListenAddress {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535)
    throw new ProxyError('the address to listen on is no host and port; expected one such as 127.0.0.1:4141');
  // guard: proxy-listens-here
  if (!isLoopback(host))
    throw new ProxyError(
      'the proxy listens on this machine alone, since apps send it plaintext; use an address such as 127.0.0.1:4141',
    );
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/** What stands in the way of listening, in words. */
export function listenFault(error: unknown, { port }: ListenAddress): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new ProxyError(
      `port ${port} is taken, perhaps by a proxy that runs already (bulla proxy status); choose another one: bulla proxy --listen 127.0.0.1:0`,
    );
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    return new ProxyError(`the system does not let the proxy listen there (${code}); choose another address`);
  return error;
}
