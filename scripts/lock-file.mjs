import { randomUUID } from 'node:crypto';
import { appendFileSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` while no other process runs under the same lock. Waits for living owners, takes over from dead ones.
 * @param {string} path of the lock file: one line for each process that owns it, its id and its start time
 * @param {(share: (pid: number) => void) => void | Promise<void>} work may share the lock with a process it started,
 * which then keeps it even when this one is killed
 * @param {() => void} onWait called once, when another process is at work
 */
export async function withLockFile(path, work, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true });
  const own = `${path}.${randomUUID()}`;
  writeFileSync(own, `${describeProcess(process.pid)}\n`);
  try {
    for (let announced = false; !tryLink(own, path); announced = true) {
      if (removeIfStale(path)) continue;
      if (!announced) onWait();
      await sleep(200);
    }
    try {
      // Both names are one file by now; adding a line leaves no moment in which it looks empty.
      await work((pid) => appendFileSync(own, `${describeProcess(pid)}\n`));
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** A hard link appears whole and fails when the name is taken: nobody ever reads a half-written lock. */
function tryLink(own, path) {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of dead owners. True when it is worth trying again at once. */
function removeIfStale(path) {
  const seen = readIfThere(path);
  if (seen === undefined) return true;
  if (seen.split('\n').some((owner) => owner === describeProcess(Number.parseInt(owner, 10)))) return false;
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return true;
    throw error;
  }
  // Between the reading and the renaming somebody else may have taken the lock over: then it goes back.
  if (readIfThere(aside) !== seen) tryLink(aside, path);
  rmSync(aside, { force: true });
  return true;
}

/**
 * `<pid> <start time>`, since process ids are used again. Undefined for a process that is not there.
 * The start time is known on Linux only; elsewhere the id alone decides.
 */
function describeProcess(pid) {
  if (!isAlive(pid)) return undefined;
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The second field, the program's name in parentheses, may hold spaces; the start time is the 20th after it.
  return `${pid} ${stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown'}`;
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  }
}
