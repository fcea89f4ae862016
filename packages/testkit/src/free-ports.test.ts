import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freePorts } from './free-ports.js';

describe('free ports', () => {
  it('are one after the other, below those that the system gives out, and never the same twice', async () => {
    const [first, second] = [await freePorts(3), await freePorts(3)];
    const [port = 0] = first;
    expect(first).toEqual([port, port + 1, port + 2]);
    expect([Math.min(...first, ...second) >= 20_000, Math.max(...first, ...second) < 32_000]).toEqual([true, true]);
    expect(new Set([...first, ...second]).size).toBe(6);
  });

  it('leave out what somebody listens on', async () => {
    const taken = new Set<number>();
    const servers = [];
    // As often as there are ports of a worker: the turn comes round to where it began.
    for (let round = 0; round < 3; round++) {
      const [port = 0] = await freePorts(1);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      servers.push(server);
      taken.add(port);
    }
    const given = new Set<number>();
    for (let turn = 0; turn < 1_000; turn++) for (const port of await freePorts(1)) given.add(port);
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
    expect([...given].filter((port) => taken.has(port))).toEqual([]);
  });
});
