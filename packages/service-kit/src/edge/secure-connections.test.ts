import type { IncomingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { SecureConnections } from './secure-connections.js';

const PROXIES = ['10.1.0.0/16', '127.0.0.9', 'fd00::/8'];

/** A connection from an address, as a request has it. */
function from(remoteAddress: string | undefined, over: 'plain' | 'TLS' = 'plain'): Socket {
  const { prototype } = over === 'TLS' ? TLSSocket : Socket;
  return Object.create(prototype, { remoteAddress: { value: remoteAddress } }) as Socket;
}
const isSecure = (socket: Socket, headers: IncomingHttpHeaders = {}) =>
  new SecureConnections(PROXIES).isSecure({ socket, headers });

const https = { 'x-forwarded-proto': 'https' };
const forwarded = (text: string) => ({ forwarded: text });

describe('a request that nobody on the way could read', () => {
  it.each([
    ['by TLS, from anywhere', from('192.0.2.7', 'TLS'), {}],
    ['by TLS, whatever a stranger says beside', from('192.0.2.7', 'TLS'), { 'x-forwarded-for': '10.1.2.3' }],
    ['from this machine', from('127.0.0.1'), {}],
    ['from this machine by another of its addresses', from('127.1.2.3'), {}],
    ['from this machine by IPv6', from('::1'), {}],
    ['from this machine by IPv4 within IPv6', from('::ffff:127.0.0.1'), {}],
    ['from a trusted proxy that says https', from('10.1.2.3'), https],
    ['from a trusted proxy of this machine that says https', from('127.0.0.9'), https],
    ['from a trusted proxy by IPv6', from('fd12::5'), { 'x-forwarded-proto': 'HTTPS' }],
    ['from a trusted proxy by IPv4 within IPv6', from('::ffff:10.1.2.3'), https],
    ['from proxies that all say https', from('10.1.2.3'), { 'x-forwarded-proto': 'https, https' }],
    ['from a trusted proxy that says so by RFC 7239', from('10.1.2.3'), forwarded('for=192.0.2.7;Proto="https"')],
    ['by TLS from the network of the proxies, through none', from('10.1.2.3', 'TLS'), {}],
  ])('comes %s', (_title, socket, headers) => expect(isSecure(socket, headers)).toBe(true));
});

describe('a request that somebody may have read', () => {
  it.each([
    ['from another machine', from('192.0.2.7'), {}],
    ['from another machine that says https itself', from('192.0.2.7'), https],
    ['from another machine that says so by RFC 7239', from('192.0.2.7'), forwarded('proto=https')],
    ['from an address beside those of the proxies', from('10.2.0.1'), https],
    ['from a connection that is over', from(undefined), https],
    ['from a trusted proxy that says nothing', from('10.1.2.3'), {}],
    ['from a trusted proxy of this machine that says nothing', from('127.0.0.9'), {}],
    ['from an address that only begins like this machine', from('::ffff:128.0.0.1'), {}],
  ])('comes %s', (_title, socket, headers) => expect(isSecure(socket, headers)).toBe(false));

  it.each([
    ['a trusted proxy', from('10.1.2.3'), { 'x-forwarded-proto': 'http' }],
    ['a trusted proxy after a client that wrote https', from('10.1.2.3'), { 'x-forwarded-proto': 'https, http' }],
    ['a proxy before one that was reached by https', from('10.1.2.3'), { 'x-forwarded-proto': 'http,https' }],
    ['one header of two', from('10.1.2.3'), { ...https, ...forwarded('for=192.0.2.7;proto=http') }],
    ['a proxy behind a quotation that its client did not end', from('10.1.2.3'), forwarded('for="x, proto=http')],
    ['a proxy that ends TLS and speaks TLS to us', from('10.1.2.3', 'TLS'), { 'x-forwarded-proto': 'http' }],
    ['a proxy of this machine', from('127.0.0.1'), { 'x-forwarded-proto': 'http' }],
    ['a protocol that begins alike', from('10.1.2.3'), { 'x-forwarded-proto': 'httpsx' }],
  ])('is told by %s [guard: secure-said-otherwise]', (_title, socket, headers) =>
    expect(isSecure(socket, headers)).toBe(false),
  );

  it.each([
    ['whom it is from', { 'x-forwarded-for': '192.0.2.7' }],
    ['whom it is from by RFC 7239', forwarded('for=192.0.2.7')],
    ['its own name', { via: '1.1 proxy' }],
  ])('comes from a trusted proxy that says only %s [guard: secure-proxy-says]', (_title, headers) => {
    expect(isSecure(from('10.1.2.3'), headers)).toBe(false);
    expect(isSecure(from('10.1.2.3', 'TLS'), headers)).toBe(false);
  });

  it.each([
    ['https', https],
    ['whom it is from', { 'x-real-ip': '192.0.2.7' }],
    ['its own name', { via: '1.1 proxy' }],
  ])('comes through a proxy of this machine that says %s [guard: secure-loopback-proxy]', (_title, headers) =>
    expect(isSecure(from('127.0.0.1'), headers)).toBe(false),
  );
});
