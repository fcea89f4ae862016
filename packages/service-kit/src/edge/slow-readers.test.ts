import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Cut } from './slow-readers.js';
import { SlowReaders } from './slow-readers.js';

/** More than the kernel takes for a reader that takes nothing. */
const ANSWER = Buffer.alloc(6_000_000);
const started: { server: Server; readers: SlowReaders }[] = [];
const clients: Socket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const { server, readers } of started.splice(0)) {
    readers.stop();
    server.closeAllConnections();
    server.close();
  }
});

/** A server whose answers nobody reads; in the path stands whether the answer is to a caller. */
async function start({ timeoutMs = 60_000, unsentBytesMax = Infinity } = {}) {
  const cuts: Cut[] = [];
  const closed: string[] = [];
  const readers = new SlowReaders({ timeoutMs, unsentBytesMax, onCut: (why) => cuts.push(why) });
  const server = createServer((request, response) => {
    const answer = readers.watch(response);
    response.once('close', () => closed.push(request.url ?? ''));
    answer.send(ANSWER.length, request.url?.startsWith('/caller') === true);
    response.end(ANSWER);
  });
  started.push({ server, readers });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string) => {
    const before = readers.unsentBytes + cuts.length;
    const client = connect({ port, host: '127.0.0.1' }).pause();
    clients.push(client);
    client.on('error', () => {}).write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await until(() => readers.unsentBytes + cuts.length !== before);
    return client;
  };
  return { readers, cuts, closed, ask };
}
const until = async (reached: () => boolean) => {
  while (!reached()) await pause(5);
};

describe('readers that take nothing', () => {
  it('are cut where others need the room, strangers first [guard: unsent-strangers-first]', async () => {
    const { closed, ask, cuts } = await start({ unsentBytesMax: 3 * ANSWER.length });
    for (const path of ['/caller-1', '/stranger-1', '/stranger-2', '/caller-2', '/caller-3', '/caller-4']) {
      await ask(path);
    }
    await until(() => closed.length === 3);
    expect(closed).toEqual(['/stranger-1', '/stranger-2', '/caller-1']);
    expect(cuts).toEqual(['unsent_bytes', 'unsent_bytes', 'unsent_bytes']);
  });

  it('are cut when they have taken nothing for too long [guard: slow-reader]', async () => {
    const { readers, closed, ask, cuts } = await start({ timeoutMs: 80 });
    await ask('/caller');
    const looked = Date.now() + 2_000;
    await until(() => closed.length === 1 || Date.now() > looked);
    expect(cuts).toEqual(['slow_reader']);
    expect(readers.unsentBytes).toBe(0);
  });

  it('are let be where there is room, and what they took is free again', async () => {
    const { readers, closed, ask, cuts } = await start({ unsentBytesMax: 2 * ANSWER.length });
    for (const path of ['/stranger-1', '/stranger-2']) await ask(path);
    expect(readers.unsentBytes).toBeGreaterThanOrEqual(2 * ANSWER.length);
    for (const client of clients) client.resume();
    await until(() => closed.length === 2);
    for (const path of ['/stranger-3', '/stranger-4']) await ask(path);
    expect(cuts).toEqual([]);
  });

  it('are counted once where another answer takes the place of the first [guard: unsent-once]', () => {
    const cuts: Cut[] = [];
    const readers = new SlowReaders({ timeoutMs: 60_000, unsentBytesMax: 15, onCut: (why) => cuts.push(why) });
    const socket = { bytesWritten: 0, writableLength: 10, destroy: () => {} };
    const answer = readers.watch({ socket, once: () => {} } as never);
    for (const bytes of [10, 10]) answer.send(bytes, true);
    readers.stop();
    expect(cuts).toEqual([]);
  });

  it('are not who takes a stream as it comes, whatever waits whenever one looks [guard: slow-reader-moves]', async () => {
    jest.useFakeTimers();
    const cut: string[] = [];
    const readers = new SlowReaders({ timeoutMs: 60_000, unsentBytesMax: Infinity, onCut: () => {} });
    // Both have ten bytes waiting at every look. Those of the one are always others, those of the other the same.
    const streamOf = (name: string, bytesEach: number) => {
      const socket = { bytesWritten: 10, writableLength: 10, destroy: () => cut.push(name) };
      readers.watch({ socket, once: () => {} } as never);
      return () => void (socket.bytesWritten += bytesEach);
    };
    const writes = [streamOf('taken', 10), streamOf('stuck', 0)];
    try {
      for (let second = 0; second < 300; second += 5) {
        for (const write of writes) write();
        await jest.advanceTimersByTimeAsync(5_000);
      }
      expect(cut).toEqual(['stuck']);
    } finally {
      readers.stop();
      jest.useRealTimers();
    }
  });
});
