import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A connection that is written to as one likes, and read or not. */
export class RawClient {
  readonly socket: Socket;
  #text = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (text: string) => (this.#text += text));
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** The same within TLS, to a service whose certificate is by this authority. */
  static async connectTls(port: number, ca: string): Promise<RawClient> {
    const socket = connectTls({ port, host: '127.0.0.1', ca });
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  /** What has come so far. */
  get text(): string {
    return this.#text;
  }

  /** The statuses of the answers that have begun so far. */
  get statuses(): number[] {
    return [...this.#text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  get isClosed(): boolean {
    return this.socket.closed;
  }

  /** Writes requests in one piece, so that they arrive together. */
  async ask(...paths: readonly string[]): Promise<void> {
    await this.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''));
  }

  async write(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.socket.write(text, () => resolve());
    await promise;
  }

  /** Takes nothing more of what comes. */
  stopReading(): this {
    this.socket.pause();
    return this;
  }
}
