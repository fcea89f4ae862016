import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { createServer as createTlsServer } from 'node:tls';

/** One message of RFC 5424, taken apart. */
export interface SyslogLine {
  readonly pri: number;
  readonly time: string;
  readonly app: string;
  readonly msgid: string;
  readonly params: Readonly<Record<string, string>>;
  readonly msg: string;
}

/** A syslog server on loopback, which takes messages in frames of octet counting and says nothing. */
export class HeldSyslog {
  readonly lines: SyslogLine[] = [];
  /** What does not parse as RFC 6587 and RFC 5424 say. */
  readonly faults: string[] = [];
  connections = 0;
  /** Whether it reads what comes. */
  reads = true;
  /** Told of each message; may break the connection. */
  onLine: (line: SyslogLine, socket: Socket) => void = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(tls?: TlsOptions) {
    const take = (socket: Socket) => this.#take(socket);
    this.#server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `1#17` for each entry, in the order in which it came. */
  get places(): string[] {
    return this.lines.map(({ params }) => `${params['origin']?.split('/').at(-1)}#${params['index']}`);
  }

  /** Ends every connection, in order or not. */
  drop(how: 'in order' | 'at once'): void {
    for (const socket of this.#sockets)
      if (how === 'in order') socket.end();
      else socket.destroy();
  }

  async stop(): Promise<void> {
    this.drop('at once');
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let rest: Buffer = Buffer.alloc(0);
    if (!this.reads) return void socket.pause();
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const head = /^([1-9][0-9]*) /.exec(rest.subarray(0, 8).toString('latin1'));
        if (head === null) {
          if (rest.length >= 8) this.faults.push(rest.subarray(0, 40).toString('latin1'));
          return;
        }
        const [start, end] = [head[0].length, head[0].length + Number(head[1])];
        if (rest.length < end) return;
        this.#read(rest.subarray(start, end).toString('utf8'), socket);
        rest = rest.subarray(end);
      }
    });
  }

  #read(text: string, socket: Socket): void {
    const found =
      /^<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) \[bulla@\d+((?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)$/su.exec(
        text,
      );
    if (found === null) return void this.faults.push(text);
    const [, pri, time = '', , app = '', , msgid = '', params = '', msg = ''] = found;
    const pairs = [...params.matchAll(/ ([a-z]+)="((?:[^"\\\]]|\\["\\\]])*)"/g)].map(([, name, value = '']) => [
      name,
      value.replaceAll(/\\(["\\\]])/g, '$1'),
    ]);
    const line = {
      pri: Number(pri),
      time,
      app,
      msgid,
      params: Object.fromEntries(pairs) as Record<string, string>,
      msg,
    };
    this.lines.push(line);
    this.onLine(line, socket);
  }
}
