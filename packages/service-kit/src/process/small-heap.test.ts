import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const built = (path: string) => JSON.stringify(pathToFileURL(resolve(import.meta.dirname, '../../dist', path)).href);

/** How much more than what lives in it such a heap may grow, in percent, by what V8 says of its settings after this. */
function growingAfter(heapMiB: number, call: string): string | undefined {
  const program = `
    import { setFlagsFromString } from 'node:v8';
    import { growSmallHeap } from ${built('process/small-heap.js')};
    import { serveUntilSignal } from ${built('serve.js')};
    const tell = () => setFlagsFromString('--help');
    ${call};`;
  const flags = [`--max-old-space-size=${heapMiB}`, '--max-semi-space-size=16'];
  const { stdout } = spawnSync(process.execPath, [...flags, '--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  return /--heap-growing-percent=(\d+)/.exec(stdout)?.[1];
}

describe('the heap of a process', () => {
  it.each([
    ['it is small', 'growSmallHeap(); tell()'],
    ['a service begins in a small one', `serveUntilSignal('vault', tell, process)`],
  ])('may grow to twice what lives in it where %s', (_name, call) => {
    expect(growingAfter(256, call)).toBe('100');
  });

  it.each([
    ['it is large', 1_200, 'growSmallHeap(); tell()'],
    ['nobody asks for it', 256, 'tell()'],
  ])('grows as V8 has it where %s', (_name, heapMiB, call) => {
    expect(growingAfter(heapMiB, call)).toBe('0');
  });
});
