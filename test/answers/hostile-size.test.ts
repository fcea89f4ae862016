import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ANSWER_MAX_BYTES } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

// What a file of any size costs its verifier, in a process of its own.

const PROGRAM = join(import.meta.dirname, '../../packages/cli/bin/bulla.js');
const GOLDEN = join(import.meta.dirname, '../../packages/conformance/vectors/golden/answer.json');
const TELLS_PEAK =
  'data:text/javascript,process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS))';
const MIB = 1024 * 1024;
const PEAK_MAX_KIB = 512 * 1024;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-sizes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly said: string;
  readonly peakKib: number;
}

async function verify(path: string): Promise<Ended> {
  const args = [`--import=${TELLS_PEAK}`, PROGRAM, 'verify', path, '--pin', `sha256:${'0'.repeat(64)}`];
  const env = { ...process.env, BULLA_HOME: join(folder, 'home') };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said, peakKib: Number(/peak (\d+)/.exec(said)?.[1] ?? Number.NaN) };
}

/** The golden answer with a member of it replaced. */
async function changed(change: (answer: { text: string; evidence: { deltas: string[] } }) => void): Promise<string> {
  const answer = JSON.parse(await readFile(GOLDEN, 'utf8')) as Parameters<typeof change>[0];
  change(answer);
  return `${JSON.stringify(answer)}\n`;
}
const ROOM = ANSWER_MAX_BYTES - 64 * 1024;

describe('bulla verify', () => {
  it.each<[string, () => Promise<string> | string, string]>([
    ['millions of numbers', () => `[${'0,'.repeat(ROOM / 2)}0]\n`, 'values'],
    ['millions of lists', () => `[${'[],'.repeat(ROOM / 4)}0]\n`, 'values'],
    [
      'a million empty pieces',
      () => changed(({ evidence }) => (evidence.deltas = Array.from({ length: 2 ** 20 }, () => ''))),
      'pin',
    ],
    ['a text of millions of wide characters', () => changed((answer) => (answer.text = '€'.repeat(ROOM / 3))), 'pin'],
    [
      'millions of empty lines',
      () =>
        changed(({ evidence }) => (evidence.deltas = Array.from({ length: ROOM / 16_387 }, () => 'CgoK'.repeat(4096)))),
      'pin',
    ],
  ])('says why it does not take %s, and stays below 512 MiB', async (_what, make, why) => {
    const path = join(folder, 'answer.json');
    await writeFile(path, await make());
    const { code, said, peakKib } = await verify(path);
    expect(said).toContain(why);
    expect(code).toBe(10);
    // The control: a process of Node that did nothing would have taken tens of MiB.
    expect(peakKib).toBeGreaterThan(30 * 1024);
    expect(peakKib).toBeLessThan(PEAK_MAX_KIB);
  });

  it('reads no more of a file of two gigabytes than an answer may have', async () => {
    const path = join(folder, 'huge.json');
    const file = await open(path, 'w');
    await file.truncate(2000 * MIB);
    await file.close();
    const { code, said, peakKib } = await verify(path);
    expect(said).toContain(`is larger than ${ANSWER_MAX_BYTES} bytes`);
    expect(code).toBe(2);
    expect(peakKib).toBeLessThan(PEAK_MAX_KIB);
  });
});
