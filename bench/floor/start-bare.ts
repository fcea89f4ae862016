import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { environment } from '../../test/bulla-process.js';
import type { ServiceProcess } from '../../test/faults/service-process.js';
import { asDeployed, type ServiceName } from '../world.js';
import type { BareWork } from './bare-work.js';

/** A server that does the work of a route, and nothing else. */
export interface Bare extends Pick<ServiceProcess, 'child' | 'port' | 'url'> {
  stop(): Promise<void>;
}

/**
 * Starts it with the settings of a service.
 * @param on Node alone, or an empty route of their framework
 * @throws {Error} if it does not begin
 */
export async function startBare(name: ServiceName, work: BareWork, on: 'bare' | 'bare-route'): Promise<Bare> {
  const program = join(import.meta.dirname, `${on}.js`);
  const env = environment(asDeployed(name));
  const child = spawn(process.execPath, [program, JSON.stringify(work)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer | number | null];
  const port = Number(String(line));
  if (!Buffer.isBuffer(line) || !Number.isInteger(port)) throw new Error('the bare server did not start');
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    child,
    async stop() {
      child.kill();
      await ended;
    },
  };
}
