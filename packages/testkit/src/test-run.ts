import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { readTestSettings, writeRunSetting } from './settings.js';

/** What the parent process of one run of tests has prepared for all of them. */
export interface TestRun {
  /** Where databases are made, as a URL, and why there; undefined where no server answers or is installed. */
  readonly server?: { readonly url: string; readonly reason: string };
  /** A migrated database of that server, which nobody connects to. */
  readonly template?: string;
  /** Folders of embedded databases that nobody opens: a migrated one, and one with nothing in it. */
  readonly pglite?: { readonly migrated?: string; readonly empty: string };
  /** How the names of its databases begin. */
  readonly prefix: string;
}

const PREFIX = 'bulla_run';

/** The run that this process belongs to; one of its own where nobody prepared one. */
export function currentRun(): TestRun {
  const told = readTestSettings().run;
  return told === undefined ? { prefix: prefixOf(process.pid) } : (JSON.parse(told) as TestRun);
}

/** Tells this process and those that it starts from now on; undefined takes it back. */
export function announceRun(run: TestRun | undefined): void {
  writeRunSetting(run && JSON.stringify(run));
}

/** How the names of a process's databases and folders begin: what it leaves behind can be told from what is in use. */
export function prefixOf(pid: number): string {
  return `${PREFIX}_${machine()}_${pid}`;
}

/** Whether a name belongs to a process of this machine that has ended. */
export function isLeftover(name: string): boolean {
  const [, of, pid] = /^bulla_run_([0-9a-f]{8})_([0-9]+)_/.exec(name) ?? [];
  return of === machine() && !isAlive(Number(pid));
}

/** Process ids mean something only on one machine, and there in one container: a server may be shared by several. */
function machine(): string {
  return createHash('sha256').update(`${hostname()} ${processIds()}`).digest('hex').slice(0, 8);
}

function processIds(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux: no containers that share a host name.
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
