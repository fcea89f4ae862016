import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Outcome } from './figures.js';

/** A request without an answer after this time counts as unanswered. Longer than every time-out of a service. */
const DEADLINE_MS = 45_000;
/** So many are opened at a time. */
const OPENED_AT_ONCE = 100;
/** A service gives up connections that were idle for a minute. */
const WARM_AFTER_MS = 30_000;
/** A service gives up connections on which nothing is asked for ten seconds, unless something was asked before. */
const FIRST = Buffer.from('GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
const HEADER_END = Buffer.from('\r\n\r\n');

/**
 * Connections of so many clients, kept open; they are opened when they are needed, since a service closes what is idle
 * for a minute. Requests are bytes: nothing is made while load is measured.
 */
export class Connections {
  readonly #port: number;
  readonly #all = new Set<Connection>();
  /** Those without a request; the one that has been so the longest is next, so that all of them take part. */
  readonly #free: Connection[] = [];
  readonly #waiting: (() => void)[] = [];
  #closed = false;
  #lost = 0;

  private constructor(port: number) {
    this.#port = port;
  }

  static async open(port: number, count: number): Promise<Connections> {
    const connections = new Connections(port);
    for (let opened = 0; opened < count; opened += OPENED_AT_ONCE) {
      const more = Math.min(OPENED_AT_ONCE, count - opened);
      await Promise.all(Array.from({ length: more }, () => connections.#open()));
    }
    return connections;
  }

  /**
   * Sends a request on the next free connection, or the first to become free.
   * @param dueMs by `performance.now()`: the wait for a connection counts too.
   */
  async send(request: Buffer, dueMs: number = performance.now()): Promise<Outcome> {
    const connection = this.#free.shift() ?? (await this.#nextFree());
    const answer = await connection.exchange(request);
    const latencyMs = performance.now() - dueMs;
    if (connection.usable) this.#giveBack(connection);
    else await this.#replace(connection);
    return { status: answer.status, code: answer.code, latencyMs };
  }

  /** How many the service ended, or never answered on, since they were opened. */
  get lost(): number {
    return this.#lost;
  }

  /** How many are open. */
  get count(): number {
    let open = 0;
    for (const { usable } of this.#all) if (usable) open++;
    return open;
  }

  /**
   * Asks for health on each on which nothing was asked for half a minute, so that the service keeps it.
   * @returns what was answered to each
   */
  keepWarm(): Promise<Outcome[]> {
    const beforeMs = performance.now() - WARM_AFTER_MS;
    let due = 0;
    while ((this.#free[due]?.usedMs ?? Number.POSITIVE_INFINITY) < beforeMs) due++;
    return Promise.all(Array.from({ length: due }, () => this.send(FIRST)));
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.destroy();
  }

  async #nextFree(): Promise<Connection> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
    const connection = this.#free.shift();
    if (connection === undefined) throw new Error('woken without a free connection');
    return connection;
  }

  #giveBack(connection: Connection): void {
    connection.usedMs = performance.now();
    this.#free.push(connection);
    this.#waiting.shift()?.();
  }

  async #replace(connection: Connection): Promise<void> {
    connection.destroy();
    this.#all.delete(connection);
    if (this.#closed) return;
    this.#lost++;
    await this.#open();
  }

  async #open(): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const connection = new Connection(socket);
    this.#all.add(connection);
    const { status } = await connection.exchange(FIRST);
    if (status !== 200) throw new Error(`a new connection was answered ${status}`);
    this.#giveBack(connection);
  }
}

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
}

const NO_ANSWER: Answer = { status: 0, code: undefined };

class Connection {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #wanted: { resolve: (answer: Answer) => void; timer: NodeJS.Timeout } | undefined;
  usable = true;
  /** When its last answer came, by `performance.now()`. */
  usedMs = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (part: Buffer) => this.#take(part));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.usable = false;
      this.#settle(NO_ANSWER);
    });
  }

  exchange(request: Buffer): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#wanted = { resolve, timer: setTimeout(() => this.destroy(), DEADLINE_MS) };
    // It may have ended while nobody used it.
    if (this.usable) this.#socket.write(request);
    else this.#settle(NO_ANSWER);
    return promise;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** One answer at a time, and always with its length: a stream would be a mistake of the bench. */
  #take(part: Buffer): void {
    this.#parts.push(part);
    const bytes = this.#parts.length === 1 ? part : Buffer.concat(this.#parts);
    this.#parts = [bytes];
    const headerEnd = bytes.indexOf(HEADER_END);
    if (headerEnd < 0) return;
    const header = bytes.toString('latin1', 0, headerEnd).toLowerCase();
    const length = /\r\ncontent-length: (\d+)/.exec(header)?.[1];
    if (length === undefined) {
      this.destroy();
      return;
    }
    const bodyStart = headerEnd + HEADER_END.length;
    if (bytes.length < bodyStart + Number(length)) return;
    this.#parts = [];
    if (header.includes('\r\nconnection: close')) this.usable = false;
    const status = Number(header.slice(9, 12));
    const code = status < 400 ? undefined : /"code":"([a-z_]+)"/.exec(bytes.toString('latin1', bodyStart))?.[1];
    this.#settle({ status, code });
  }

  #settle(answer: Answer): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    clearTimeout(wanted?.timer);
    wanted?.resolve(answer);
  }
}
