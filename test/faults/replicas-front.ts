import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What stands before replicas: one address, under which each gets every other request. */
export interface Front {
  readonly url: string;
  /** How many requests went to each. */
  readonly counts: number[];
  /** Where the replicas are; to be said before the first request. */
  targets: readonly string[];
  close(): Promise<void>;
}

/** Passes requests on as they are, the host they name included, to one replica after the other. */
export async function startFront(): Promise<Front> {
  const front: Front = { url: '', counts: [], targets: [], close: async () => {} };
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const index = turn++ % front.targets.length;
    front.counts[index] = (front.counts[index] ?? 0) + 1;
    pass(incoming, outgoing, front.targets[index] ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(front, {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function pass(incoming: IncomingMessage, outgoing: ServerResponse, target: string): void {
  const { hostname, port } = new URL(target);
  const { method, url: path, headers } = incoming;
  const onward = httpRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}
