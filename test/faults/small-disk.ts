import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system of its own on a loop device: what is full there is full nowhere else. */
export interface SmallDisk {
  /** Where it is mounted. */
  readonly path: string;
  /** Leaves not a byte. */
  fill(): Promise<void>;
  /** Takes back what {@link fill} wrote. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

/** Undefined where we may not mount, or there are no loop devices. */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'bulla-disk-'));
  const [image, path] = [join(folder, 'image'), join(folder, 'mounted')];
  const ballast = join(path, 'ballast');
  try {
    await mkdir(path);
    await (await open(image, 'w')).close();
    await truncate(image, megabytes * 1_048_576);
    // Without a reserve for root, which we are.
    await run('mkfs.ext4', ['-q', '-m', '0', image]);
    await run('mount', ['-o', 'loop', image, path]);
    // PostgreSQL runs as another user and has to get here.
    await run('chmod', ['755', folder, path]);
  } catch {
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
  return {
    path,
    async fill() {
      const file = await open(ballast, 'a');
      try {
        for (const size of [1_048_576, 4_096]) await writeUntilFull(file, Buffer.alloc(size, 1));
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    async unmount() {
      await run('umount', [path]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function writeUntilFull(
  file: { write(bytes: Buffer): Promise<unknown>; sync(): Promise<void> },
  bytes: Buffer,
): Promise<void> {
  try {
    for (;;) {
      await file.write(bytes);
      await file.sync();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
