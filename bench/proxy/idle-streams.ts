import { setTimeout as pause } from 'node:timers/promises';
import { startSlowModel } from '../connections/slow-model.js';
import { peakMemoryMiB } from '../memory.js';
import type { World } from '../world.js';
import { hangUp, openStream } from './calls.js';
import { startProxyWorld } from './proxy-world.js';

/** Long enough for heartbeats and words of all of them. */
const IDLE_MS = 25_000;
const WORD_EVERY_MS = 10_000;
const OPENED_AT_ONCE = 20;

export interface IdleStreams {
  readonly streams: number;
  /** The most memory that the proxy ever had. */
  readonly memoryMiB: number;
}

/** Keeps streams open at one proxy whose model says a word now and then. */
export async function measureIdleStreams(
  world: World,
  port: number,
  streams: number,
  say: (line: string) => void,
): Promise<IdleStreams> {
  const model = await startSlowModel(WORD_EVERY_MS);
  // Defaults let a device and a responder do less at a time; what is measured is the proxy.
  const behind = await startProxyWorld(world, port, {
    BULLA_LLM: model.target,
    BULLA_LLM_MODEL: model.name,
    BULLA_RUNS_MAX: '2500',
  });
  try {
    const open: { close(): void }[] = [];
    let asked = 0;
    const opener = async () => {
      while (asked++ < streams) open.push(await openStream(behind, 'default'));
    };
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, opener));
    await pause(IDLE_MS);
    const stillOpen = model.open();
    if (stillOpen < streams) throw new Error(`only ${stillOpen} of ${streams} streams are open`);
    const memoryMiB = peakMemoryMiB(behind.proxy.child.pid ?? 0);
    say(`proxy: ${memoryMiB.toFixed(0)} MiB at most with ${stillOpen} streams open`);
    for (const stream of open) stream.close();
    return { streams: stillOpen, memoryMiB };
  } finally {
    hangUp();
    await behind.stop();
    await model.close();
  }
}
