import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { stateOf } from './request-state.js';

/** Where proxies say by which protocol a request came to them. */
const FORWARDED = 'forwarded';
const FORWARDED_PROTO = 'x-forwarded-proto';
/** By these a request is known to have come through a proxy. */
const TRACE = /^(?:forwarded|x-forwarded-.*|x-real-ip|via)$/;
/** Every `proto` of a Forwarded header (RFC 7239 §5.4), also within quotes: what is said twice must be the same. */
const PROTO = /proto\s*=\s*"?([^",;\s]*)/gi;

const LOOPBACK = networks(['127.0.0.0/8', '::1']);

/** Knows which connections nobody on the way can read: by TLS, within this machine, or through a proxy that says so. */
export class SecureConnections {
  readonly #proxies: BlockList;

  /** @param trustedProxies addresses and networks, as in BULLA_TRUST_PROXY. */
  constructor(trustedProxies: readonly string[] = []) {
    this.#proxies = networks(trustedProxies);
  }

  /**
   * Whether a request came by a connection that nobody on the way could read. What a proxy says counts in favour only
   * if it is a trusted one, and against whoever says it. In a chain all have to say https.
   */
  isSecure({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): boolean {
    const said = protocolsOf(headers);
    // guard: secure-said-otherwise
    if (said.some((protocol) => protocol !== 'https')) return false;
    const isForwarded = Object.keys(headers).some((name) => TRACE.test(name));
    const isFromProxy = contains(this.#proxies, socket);
    // guard: secure-proxy-says without: if (isFromProxy && isForwarded) return true;
    if (isFromProxy && isForwarded) return said.length > 0;
    if (socket instanceof TLSSocket) return true;
    // Behind a proxy of this machine stands somebody on another.
    // guard: secure-loopback-proxy without: return contains(LOOPBACK, socket);
    return contains(LOOPBACK, socket) && !isFromProxy && !isForwarded;
  }
}

/** Whether a request that has begun came by TLS, from this machine, or from a trusted proxy that says https. */
export function isSecure(request: FastifyRequest): boolean {
  return stateOf(request).isSecure();
}

function protocolsOf(headers: IncomingMessage['headers']): string[] {
  const listed = String(headers[FORWARDED_PROTO] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
  const said = Array.from((headers[FORWARDED] ?? '').matchAll(PROTO), ([, protocol = '']) => protocol);
  return [...listed, ...said].map((protocol) => protocol.toLowerCase());
}

function contains(list: BlockList, { remoteAddress }: Socket): boolean {
  if (remoteAddress === undefined) return false;
  return list.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4');
}

function networks(written: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of written) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
