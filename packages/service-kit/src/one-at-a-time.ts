import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** So many wait behind the one at work: clients that send ahead at all mostly send ten. */
const AHEAD_MAX = 16;

interface Turn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly begin: () => void;
}

/** The request of a connection that is at work, and what it sent ahead. */
interface Connection {
  readonly socket: Socket;
  atWork: Turn;
  readonly ahead: Turn[];
  isWatched: boolean;
  /** Nothing more of it is read, and it ends with the last answer that is due. */
  isEnding: boolean;
}

/**
 * One request of a connection at a time. Node makes requests of all that a client sends ahead, at once, and keeps in
 * memory what is answered out of turn: a few connections would be at work on hundreds of requests each. Here the next
 * one begins when the kernel has taken the answer before it, and until then nothing more of the connection is read. A
 * connection that sent more ahead than may wait, in one piece, is cut.
 */
export class OneAtATime {
  readonly #connections = new WeakMap<Socket, Connection>();
  readonly #onCut: () => void;

  /** @param onCut told of each connection that sent too much ahead. */
  constructor(onCut: () => void) {
    this.#onCut = onCut;
  }

  /** Begins a request, at once or in its turn; never where its connection ends before. */
  enter(turn: Turn): void {
    const { socket } = turn.request;
    if (!socket.writable) return;
    // guard: pipelined-turn without: const connection = undefined as Connection | undefined;
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      this.#begin({ socket, atWork: turn, ahead: [], isWatched: false, isEnding: false });
      return;
    }
    // guard: pipelined-ahead
    if (connection.ahead.length >= AHEAD_MAX) {
      this.#onCut();
      socket.destroy();
      return;
    }
    connection.ahead.push(turn);
    hold(connection);
  }

  /**
   * Ends a connection whose client sends what is no request behind those that are.
   * @returns false where no answer is due, or only the one to the request that it broke off
   */
  endAfterAnswers(socket: Socket): boolean {
    const connection = this.#connections.get(socket);
    if (connection?.atWork.request.complete !== true) return false;
    connection.isEnding = true;
    const { response } = connection.ahead.at(-1) ?? connection.atWork;
    if (!response.headersSent) response.setHeader('connection', 'close');
    hold(connection);
    return true;
  }

  #begin(connection: Connection): void {
    const { atWork, socket } = connection;
    this.#connections.set(socket, connection);
    // One that Node does not give the connection, since an answer before it was the last, would never end.
    // guard: pipelined-last
    if (atWork.response.socket !== socket) {
      socket.destroySoon();
      return;
    }
    atWork.response.once('close', () => this.#goOn(connection));
    atWork.begin();
  }

  #goOn(connection: Connection): void {
    const { ahead, socket } = connection;
    const next = ahead.shift();
    if (next === undefined || socket.destroyed) {
      this.#connections.delete(socket);
      if (connection.isEnding) socket.destroySoon();
      return;
    }
    connection.atWork = next;
    if (!isHeld(connection)) socket.resume();
    this.#begin(connection);
  }
}

/** Reads nothing more of a connection while something of it waits. */
function hold(connection: Connection): void {
  const { socket } = connection;
  // guard: pipelined-paused
  socket.pause();
  if (connection.isWatched) return;
  connection.isWatched = true;
  // Node reads on whenever a body is asked for, or thrown away.
  socket.on('resume', () => {
    if (isHeld(connection)) socket.pause();
  });
}

function isHeld({ ahead, isEnding }: Connection): boolean {
  return ahead.length > 0 || isEnding;
}
