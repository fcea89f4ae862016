import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { isLongRun } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '../bulla-process.js';

const PROGRAM = resolve(import.meta.dirname, '../../packages/cli/bin/bulla.js');
const MIB = 1_048_576;
/** Twice what may be in use at least, so that holding all of it is seen. */
const LARGE_BYTES = (isLongRun() ? 256 : 128) * MIB;
/** 256 times what a pipe holds: where it is not about memory. */
const PIPED_BYTES = 16 * MIB;
/** What may be in use for a large file beyond what is for a small one. */
const GROWTH_MAX_BYTES = 64 * MIB;

/** Says at its end how much memory a process ever had; the engine keeps little that it could give back. */
const WATCHED = [
  '--max-semi-space-size=1',
  '--import',
  `data:text/javascript,${encodeURIComponent(
    `import { readFileSync, writeSync } from 'node:fs';
     process.on('exit', () => writeSync(2, /VmHWM:.*kB/.exec(readFileSync('/proc/self/status', 'utf8'))[0]));`,
  )}`,
];
const onLinux = existsSync('/proc/self/status') ? describe : describe.skip;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-streams-'));
  for (const name of ['alice', 'bob']) node([PROGRAM, 'keys', 'generate', name, '--suite', 'p256']);
  await writeFile(join(folder, 'small.bin'), 'small');
  await sparse('large.bin', LARGE_BYTES);
  await sparse('piped.bin', PIPED_BYTES);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function sparse(name: string, bytes: number): Promise<void> {
  const file = await open(join(folder, name), 'w');
  await file.truncate(bytes);
  await file.write(Buffer.from('the beginning'), 0, 13, 0);
  await file.write(Buffer.from('the end'), 0, 7, bytes - 7);
  await file.close();
}

const options = () => ({ cwd: folder, env: environment({ BULLA_HOME: join(folder, 'home') }) });
const SEAL = ['seal', '--stream', '--to', 'alice.pub.pem', '--from', 'bob.key.pem'];
const OPEN = ['open', '--key', 'alice.key.pem', '--sender', 'bob.pub.pem'];

/** Runs it to its end. @returns what it said, and the most memory that it had, in bytes, where it was watched */
function node(argv: readonly string[]): { said: string; peak: number } {
  const { status, stderr } = spawnSync(process.execPath, argv, { ...options(), encoding: 'utf8' });
  if (status !== 0) throw new Error(`ended with ${status}: ${stderr}`);
  const [, kib = ''] = /VmHWM:\s+(\d+) kB/.exec(stderr) ?? [];
  return { said: stderr, peak: Number(kib) * 1024 };
}

/** Seals a file and opens it again. */
function peaks(name: string): { sealing: number; opening: number; said: string } {
  const sealing = node([...WATCHED, PROGRAM, ...SEAL, `${name}.bin`, '-o', `${name}.sealed`]);
  const opening = node([...WATCHED, PROGRAM, ...OPEN, `${name}.sealed`, '-o', `${name}.out`]);
  return { sealing: sealing.peak, opening: opening.peak, said: opening.said };
}

onLinux('a large file through bulla seal --stream and bulla open', () => {
  it('comes out as it went in, and is never held all at once', () => {
    const [small, large] = [peaks('small'), peaks('large')];
    expect(large.said).toMatch(/^signed by .*, called large\.bin\n/);
    expect(spawnSync('cmp', ['large.bin', 'large.out'], options())).toMatchObject({ status: 0 });
    expect(small.sealing).toBeGreaterThan(16 * MIB);
    expect(large.sealing - small.sealing).toBeLessThan(GROWTH_MAX_BYTES);
    expect(large.opening - small.opening).toBeLessThan(GROWTH_MAX_BYTES);
  });

  it('would be noticed if it were', () => {
    const read = (name: string) =>
      node([...WATCHED, '-e', `globalThis.all = require('node:fs').readFileSync('${name}.bin')`]).peak;
    expect(read('large') - read('small')).toBeGreaterThan(LARGE_BYTES - GROWTH_MAX_BYTES);
  });
});

describe('a pipe from bulla seal --stream to bulla open', () => {
  const shell = (script: string) => {
    const child = spawn('sh', ['-c', script], {
      ...options(),
      env: { ...options().env, NODE: process.execPath, PROGRAM },
    });
    const ended = new Promise<number | null>((done) => child.once('close', done));
    return Promise.all([ended, text(child.stdout), text(child.stderr)]);
  };
  const bulla = (...argv: string[]) => `"$NODE" "$PROGRAM" ${argv.join(' ')}`;

  it('hands every byte on', async () => {
    const [code, stdout, stderr] = await shell(`${bulla(...SEAL)} < piped.bin | ${bulla(...OPEN)} | cmp - piped.bin`);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^signed by [^,]+, dated \S+\n$/);
  });

  it('ends with an error where what comes is cut, after what was good', async () => {
    const cut = `${bulla(...SEAL)} < piped.bin | head -c 1000000 | { ${bulla(...OPEN)}; echo "ended with $?" >&2; } | wc -c`;
    const [, stdout, stderr] = await shell(cut);
    expect(Number(stdout)).toBeGreaterThan(900_000);
    expect(stderr).toContain('what came out of it so far is not to be used (open_failed)\n');
    expect(stderr).toContain('ended with 10\n');
  });

  it('ends quietly where nobody reads on, and says that nothing was checked', async () => {
    await shell(`${bulla(...SEAL)} < piped.bin > piped.sealed`);
    const [, stdout, stderr] = await shell(`${bulla(...OPEN, 'piped.sealed')} | head -c 13`);
    expect(stdout).toBe('the beginning');
    expect(stderr).toBe('not read to its end: whether it is whole was not checked\n');
  });
});

const onFullDisk = existsSync('/dev/full') ? describe : describe.skip;
onFullDisk('a disk that is full', () => {
  it('is said, and no part of a file is left', () => {
    const script = `"$NODE" "$PROGRAM" ${SEAL.join(' ')} < large.bin > /dev/full`;
    const env = { ...options().env, NODE: process.execPath, PROGRAM };
    expect(spawnSync('sh', ['-c', script], { ...options(), env, encoding: 'utf8' })).toMatchObject({
      status: 1,
      stderr: 'bulla: error: the system refused it: the disk is full (ENOSPC)\n',
    });
  });
});
