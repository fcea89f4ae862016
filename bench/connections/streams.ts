import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** So much of what came last is kept: longer than any event name that is looked for. */
const TAIL = 64;
const LAST_CHUNK = '\r\n0\r\n\r\n';
const STATUS_LENGTH = 12;

/** How far one stream has come. */
export type StreamState = 'asked' | 'open' | 'final' | 'ended' | 'cut' | 'refused';

/** Answers that are read as they come, each over a connection of its own. */
export class Streams {
  readonly #port: number;
  readonly #all: Stream[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /**
   * Asks over a connection of its own; resolves when the head of the answer is there, or what came in its place.
   * @returns false where it was refused
   */
  async open(request: Buffer): Promise<boolean> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const stream = new Stream(socket);
    this.#all.push(stream);
    socket.write(request);
    await stream.begun;
    return stream.state !== 'refused';
  }

  /** How many are in each state. */
  states(): Record<StreamState, number> {
    const counts: Record<StreamState, number> = { asked: 0, open: 0, final: 0, ended: 0, cut: 0, refused: 0 };
    for (const { state } of this.#all) counts[state]++;
    return counts;
  }

  /** Resolves when none is open any more, or after this long. */
  async whenOver(timeoutMs: number): Promise<void> {
    for (const last = performance.now() + timeoutMs; performance.now() < last; await pause(100)) {
      const { asked, open, final } = this.states();
      if (asked + open + final === 0) return;
    }
  }

  close(): void {
    for (const stream of this.#all) stream.close();
  }
}

class Stream {
  readonly #socket: Socket;
  readonly #begun = Promise.withResolvers<void>();
  #tail = '';
  state: StreamState = 'asked';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#take(bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.state !== 'ended' && this.state !== 'refused') this.state = 'cut';
      this.#begun.resolve();
    });
  }

  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    const seen = this.#tail + text;
    this.#tail = seen.slice(-TAIL);
    if (this.state === 'asked' && seen.length >= STATUS_LENGTH && !seen.startsWith('HTTP/1.1 200')) {
      this.state = 'refused';
      this.#socket.destroy();
      return;
    }
    if (this.state === 'asked') {
      // The head may come after the headers, in a piece of its own.
      this.#tail = seen;
      if (!seen.includes('event: bulla.head')) return;
      this.state = 'open';
      this.#begun.resolve();
    }
    if (this.state === 'open' && seen.includes('event: bulla.final')) this.state = 'final';
    if (this.state === 'final' && seen.endsWith(LAST_CHUNK)) {
      this.state = 'ended';
      this.#socket.destroy();
    }
  }
}
