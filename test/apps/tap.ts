import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between two ends of TCP connections and remembers every byte that passes. */
export interface Tap {
  /** Where the near end connects to: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Everything that passed, in both directions. */
  readonly bytes: () => Buffer;
  close(): Promise<void>;
}

/** @param port where it listens @param to the port on this machine that it passes everything on to */
export async function openTap(port: number, to: number): Promise<Tap> {
  const passed: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('data', (piece: Buffer) => passed.push(piece)).pipe(other);
      one.on('error', () => other.destroy()).on('close', () => (sockets.delete(one), other.destroy()));
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    bytes: () => Buffer.concat(passed),
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
