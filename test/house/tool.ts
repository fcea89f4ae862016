import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repository } from '../../scripts/workspaces.mjs';

export interface ToolRun {
  readonly status: number | null;
  /** Standard output, and standard error after it. */
  readonly text: string;
  readonly stdout: string;
}

/** Runs a program of node_modules/.bin, or of the PATH, to its end. */
export function runTool(name: string, args: readonly string[], folder = repository): ToolRun {
  const path = `${repository}/node_modules/.bin:${process.env['PATH'] ?? ''}`;
  // Jest's own options would be inherited by tools that are Node programs too.
  const { NODE_OPTIONS: _ours, ...environment } = process.env;
  const run = spawnSync(name, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...environment, PATH: path, NO_COLOR: '1', FORCE_COLOR: '0' },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.error) throw run.error;
  return { status: run.status, text: run.stdout + run.stderr, stdout: run.stdout };
}

/** Runs the compiler that the sources are built with. */
export function runCompiler(args: readonly string[], folder: string): ToolRun {
  return runTool('node', [`${repository}/node_modules/typescript-7/bin/tsc`, ...args], folder);
}

/**
 * Runs a program that a test needs and does not examine.
 * @returns its standard output
 * @throws {Error} with all of its output, when it does not end well
 */
export function useTool(name: string, args: readonly string[], folder = repository): string {
  const { status, stdout, text } = runTool(name, args, folder);
  if (status !== 0) throw new Error(`${name} ended with ${status}:\n${text}`);
  return stdout;
}

/** A folder outside of the repository with the given files in it, where bad code can be planted. */
export class Plot {
  readonly folder = mkdtempSync(join(tmpdir(), 'bulla-house-'));

  plant(file: string, text: string): void {
    const target = join(this.folder, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }

  /** Copies a file of the repository to the same place. */
  copy(file: string): void {
    cpSync(join(repository, file), join(this.folder, file), { recursive: true });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
