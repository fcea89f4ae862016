import { createServer } from 'node:net';
import { readTestSettings } from './settings.js';

/** Below those that a system gives out by itself: nobody is given one between a look at it and its use. */
const FIRST = 20_000;
const SHARES = 12;
/** Ports of one test worker, so that none takes those of another. */
const SHARE = 1_000;

/** In its turn, no port twice: a service that was ended may come back to its own. */
let next = Math.floor(Math.random() * SHARE);

/** Ports of 127.0.0.1 that are free, one after the other; they stay so until somebody listens there. */
export async function freePorts(count: number): Promise<number[]> {
  const first = FIRST + (readTestSettings().worker % SHARES) * SHARE;
  for (;;) {
    if (next + count > SHARE) next = 0;
    const ports = Array.from({ length: count }, (_, index) => first + next + index);
    next += count;
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  probe.once('error', () => resolve(false));
  probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  return promise;
}
