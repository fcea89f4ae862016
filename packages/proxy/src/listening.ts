import { isLoopback } from '@bulla/client';

/** Where the proxy listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Where it listens unless a setting says otherwise. */
export const LISTEN = '127.0.0.1:4141';
const EXAMPLE = `use an address such as ${LISTEN}: --listen, or BULLA_PROXY_LISTEN`;

/** The proxy cannot begin; the message says why. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** What a command that starts it ends with. */
  readonly exitCode: number;
  /** What to do. */
  readonly hint: string;

  constructor(message: string, hint: string, exitCode = 1) {
    super(message);
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** Of settings that cannot be used. */
const BAD_SETTING = 78;

/**
 * The address in `127.0.0.1:4141` or `[::1]:4141`; port 0 takes a free one.
 * @throws {ProxyError} for an address off this machine: what apps send there would travel in the clear
 */
export function parseListen(text: string): ListenAddress {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535)
    throw new ProxyError('the address to listen on is not a host and a port', EXAMPLE, BAD_SETTING);
  // guard: proxy-listens-here
  if (!isLoopback(host))
    throw new ProxyError('the proxy listens on this machine alone, since apps send it plaintext', EXAMPLE, BAD_SETTING);
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/** What stands in the way of listening, in words. */
export function listenFault(error: unknown, { port }: ListenAddress): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new ProxyError(
      `port ${port} is taken, perhaps by a proxy that runs already (bulla proxy status)`,
      'stop it, or choose another port: bulla proxy start --listen 127.0.0.1:0',
    );
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    return new ProxyError(`the system does not let the proxy listen there (${code})`, EXAMPLE);
  return error;
}
