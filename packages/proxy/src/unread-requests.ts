import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ProblemCode } from '@bulla/contract';
import { refusalResponse } from './error-shapes.js';
import { Refusal } from './refusal.js';

/** What Node says of requests that it did not read to their end. */
const FAULTS: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'the headers are larger than 16 KiB; send fewer'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'the request took too long to arrive; send it again'],
};

/** Answers a request that Node could not read, and closes its connection. */
export function refuseUnread({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [problem, message] = FAULTS[code] ?? ['validation_failed', 'this is not a request of HTTP/1.1'];
  const { status, headers, body } = refusalResponse(new Refusal(problem, message), '');
  const lines = Object.entries({
    ...headers,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`);
}
