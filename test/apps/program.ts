import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { environment } from '../bulla-process.js';
import type { AppSettings } from './apps-world.js';

/** How a program of somebody else ended, and what it printed. */
export interface ProgramEnd {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program whose base URL and key are all that is set for it. */
export async function runProgram(
  [command = '', ...args]: readonly string[],
  settings: AppSettings | Readonly<Record<string, string>>,
): Promise<ProgramEnd> {
  const child = spawn(command, args, {
    cwd: import.meta.dirname,
    // No program asks anybody else, such as a service that collects traces.
    env: environment({ ...settings, NO_PROXY: '*', LANGCHAIN_TRACING_V2: 'false', AI_SDK_LOG_WARNINGS: 'false' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  child.stdout.on('data', (piece: Buffer) => parts.stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => parts.stderr.push(piece));
  const [status] = (await once(child, 'close')) as [number | null];
  const [stdout, stderr] = [parts.stdout, parts.stderr].map((pieces) => Buffer.concat(pieces).toString());
  return { status, stdout: stdout ?? '', stderr: stderr ?? '' };
}
