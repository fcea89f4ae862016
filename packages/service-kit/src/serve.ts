import { DatabaseTrouble } from './database/database-trouble.js';
import { LIMITS } from './limits/limits.js';
import type { Terminal } from './process/hidden-line.js';
import { settleHeap } from './process/heap.js';
import type { ServiceName } from './route/route-table.js';
import type { Service } from './service.js';
import { TokenFault } from './token/token-fault.js';

/** What of a process a service needs: where to complain and to ask, what to end with, and who tells it to. */
export interface Host extends Terminal {
  exitCode?: number | string | null | undefined;
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  exit(code: number): unknown;
}

/**
 * Starts a service on its own and serves until a signal comes; what stops it is one line and an exit code. A
 * signal that comes while it starts ends it as soon as it has started, or after as long as requests would get.
 */
export async function serveUntilSignal(
  name: ServiceName,
  start: () => Promise<Pick<Service, 'close'>>,
  host: Host,
): Promise<void> {
  settleHeap();
  const starting = start();
  let closing: Promise<void> | undefined;
  // A signal to the process group arrives twice; the second one means the same.
  const close = (): void => {
    closing ??= closeStarted(starting, host).catch((error: unknown) => complain(name, error, host));
  };
  // Before it is ready: an operator who is told that it is ready may send a signal at once.
  host.on('SIGTERM', close);
  host.on('SIGINT', close);
  try {
    await starting;
  } catch (error) {
    complain(name, error, host);
  }
}

async function closeStarted(starting: Promise<Pick<Service, 'close'>>, host: Host): Promise<void> {
  const late = setTimeout(() => host.exit(1), LIMITS.graceMs);
  // The code that started it says why it did not start.
  const service = await starting.catch(() => undefined).finally(() => clearTimeout(late));
  await service?.close();
}

/** Settings, key files and databases say what is wrong with them; of anybody else's error only the code is safe to repeat. */
function complain(name: ServiceName, error: unknown, host: Host): void {
  if (error instanceof DatabaseTrouble || error instanceof TokenFault) {
    host.stderr.write(`bulla: error: ${error.message}\nbulla: hint: ${error.hint}\n`);
    host.exitCode = error.exitCode;
    return;
  }
  const { exitCode, message, code } = error as { exitCode?: unknown; message?: unknown; code?: unknown };
  const isOurs = exitCode === 78 && typeof message === 'string';
  const cause = typeof code === 'string' && /^[A-Za-z0-9_]{1,64}$/.test(code) ? code : 'unknown cause';
  host.stderr.write(`bulla: error: ${isOurs ? message : `the ${name} could not go on (${cause})`}\n`);
  host.exitCode = isOurs ? 78 : 1;
}
