import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Problem } from '@bulla/contract';
import { writtenProblem } from '../edge/broken-request.js';
import type { ServiceName } from '../route/route-table.js';

/** Why a client came no further than to the handshake. */
export type HandshakeEnd = 'plain_http' | 'old_protocol' | 'too_slow' | 'hung_up' | 'other';

const ENDS: Readonly<Record<string, HandshakeEnd>> = {
  ERR_SSL_HTTP_REQUEST: 'plain_http',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'old_protocol',
  ERR_SSL_WRONG_VERSION_NUMBER: 'old_protocol',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'too_slow',
  ECONNRESET: 'hung_up',
};

/** To a client that speaks HTTP where TLS is spoken; nothing of what it sent is read. */
const SPEAKS_TLS = new Problem('validation_failed', { detail: 'this port speaks TLS: use https' });

/** Connections whose TLS handshake is not done: Node counts and closes them nowhere. */
export class Handshakes {
  readonly #open = new Map<string, Socket>();

  /** @param onEnd told of each that failed. */
  constructor(server: Server, service: ServiceName, onEnd: (why: HandshakeEnd) => void) {
    server.on('connection', (socket: Socket) => {
      const key = keyOf(socket);
      this.#open.set(key, socket);
      socket.once('close', () => this.#open.delete(key));
    });
    server.on('secureConnection', (socket) => this.#open.delete(keyOf(socket)));
    // Before Node ends what is beneath it.
    server.prependListener('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const why = ENDS[error.code ?? ''] ?? 'other';
      onEnd(why);
      if (why === 'plain_http') this.#open.get(keyOf(socket))?.end(writtenProblem(SPEAKS_TLS, service));
    });
  }

  /** Ends all of them: none has asked for anything yet. */
  endAll(): void {
    for (const socket of this.#open.values()) socket.destroy();
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
