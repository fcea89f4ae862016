import { once } from 'node:events';
import type { ServiceProcess } from '../test/faults/service-process.js';

/** What a process is started with so that its heap can be looked at: its inspector on a free port of loopback. */
export const INSPECTED = '--inspect=127.0.0.1:0';

/**
 * What a process holds and still needs. `VmHWM` says how far V8 let the heap grow before it collected, which depends on how
 * fast objects come; this collects first, by the inspector of a process that was started with {@link INSPECTED}.
 */
export class LiveHeap {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
      if (id === undefined) return;
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  /** @throws {Error} where the process has no inspector */
  static async of({ output }: Pick<ServiceProcess, 'output'>): Promise<LiveHeap> {
    const url = /ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/.exec(output())?.[0];
    if (url === undefined) throw new Error('the process was not started with an inspector');
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new LiveHeap(socket);
  }

  /** Collects what nobody needs. @returns in MiB, objects and the bytes of their buffers */
  async mebibytes(): Promise<number> {
    await this.#call('HeapProfiler.collectGarbage');
    const found = (await this.#call('Runtime.getHeapUsage')) as { usedSize: number; backingStorageSize: number };
    return (found.usedSize + found.backingStorageSize) / 1024 / 1024;
  }

  /** The most that is live at one of many moments until something is done. */
  async mostUntil(done: Promise<unknown>): Promise<number> {
    const under = { way: true };
    const ended = done.finally(() => {
      under.way = false;
    });
    let most = 0;
    while (under.way) most = Math.max(most, await this.mebibytes());
    await ended;
    return most;
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string): Promise<unknown> {
    const id = ++this.#id;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }
}
