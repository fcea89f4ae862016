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
  atWork: Turn | undefined;
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
    const connection = this.#connectionOf(socket);
    // guard: pipelined-turn without: if (connection.socket === socket)
    if (connection.atWork === undefined) {
      begin(connection, turn);
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
   * Ends a connection whose client sends something other than a request after its requests.
   * @returns false where no answer is due, or only the one to the request that it broke off
   */
  endAfterAnswers(socket: Socket): boolean {
    const connection = this.#connectionOf(socket);
    if (connection.atWork?.request.complete !== true) return false;
    connection.isEnding = true;
    const { response } = connection.ahead.at(-1) ?? connection.atWork;
    if (!response.headersSent) response.setHeader('connection', 'close');
    hold(connection);
    return true;
  }

  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const connection = { socket, atWork: undefined, ahead: [], isWatched: false, isEnding: false };
    this.#connections.set(socket, connection);
    return connection;
  }
}

function begin(connection: Connection, turn: Turn): void {
  const { socket } = connection;
  connection.atWork = turn;
  // One that Node does not give the connection, since an answer before it was the last, would never end.
  // guard: pipelined-last
  if (turn.response.socket !== socket) {
    socket.destroySoon();
    return;
  }
  turn.response.once('close', () => goOn(connection));
  turn.begin();
}

function goOn(connection: Connection): void {
  const { ahead, isEnding, socket } = connection;
  connection.atWork = undefined;
  const next = ahead.shift();
  // The rest of a body is not read where the connection ends.
  // guard: pipelined-broken-off without: const mayBegin = !socket.destroyed;
  const mayBegin = !socket.destroyed && (!isEnding || next?.request.complete === true);
  if (next !== undefined && mayBegin) {
    if (!isHeld(connection)) socket.resume();
    begin(connection, next);
  } else if (isEnding) socket.destroySoon();
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
