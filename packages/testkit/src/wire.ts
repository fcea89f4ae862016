import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

const [SYNC, QUERY] = [0x53, 0x51];

/** Stands between a service and its PostgreSQL and counts how often the service waits for an answer. */
export interface Wire {
  /** The same database, through the wire. */
  readonly url: string;
  /** Round trips since the last look: each Sync of the extended protocol and each simple query ends one. */
  roundTrips(): number;
  /** Breaks the connection over which the next answer comes, in place of it: what was asked for has been done. */
  loseNextAnswer(): void;
  close(): Promise<void>;
}

export async function openWire(url: string): Promise<Wire> {
  const target = new URL(url);
  const place = { port: Number(target.port === '' ? 5432 : target.port), host: target.hostname };
  let trips = 0;
  let isNextLost = false;
  const server = createServer((near) => {
    const far = connect(place);
    far.on('data', (piece) => {
      if (isNextLost) near.destroy();
      else near.write(piece);
      isNextLost = false;
    });
    let rest = Buffer.alloc(0);
    let isStarted = false;
    near.on('data', (piece) => {
      far.write(piece);
      rest = Buffer.concat([rest, piece]);
      for (;;) {
        // The first message has no type.
        const at = isStarted ? 1 : 0;
        if (rest.length < at + 4) return;
        const length = at + rest.readInt32BE(at);
        if (rest.length < length) return;
        if (isStarted && (rest[0] === SYNC || rest[0] === QUERY)) trips++;
        isStarted = true;
        rest = rest.subarray(length);
      }
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('close', () => other.destroy()).on('error', () => other.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target.port = String((server.address() as AddressInfo).port);
  target.hostname = '127.0.0.1';
  return {
    url: target.href,
    roundTrips() {
      const seen = trips;
      trips = 0;
      return seen;
    },
    loseNextAnswer() {
      isNextLost = true;
    },
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}
