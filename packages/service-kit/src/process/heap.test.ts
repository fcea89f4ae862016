import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const built = (path: string) => JSON.stringify(pathToFileURL(resolve(import.meta.dirname, '../../dist', path)).href);

/** What a program prints that calls something, and then does some work. */
function printedBy(flags: readonly string[], call: string, work: string): string {
  const program = `
    import { setFlagsFromString } from 'node:v8';
    import { settleHeap } from ${built('process/heap.js')};
    import { serveUntilSignal } from ${built('serve.js')};
    const work = () => { ${work} };
    ${call};`;
  const all = ['--max-semi-space-size=16', ...flags, '--input-type=module', '--eval', program];
  return spawnSync(process.execPath, all, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).stdout;
}

const SETTLED = 'settleHeap(); work()';
const SERVED = `serveUntilSignal('vault', work, process)`;
const LEFT = 'work()';

describe('the heap of a process', () => {
  /** How much more than what lives in it it may grow, in percent, by what V8 says of its settings. */
  const growing = (heapMiB: number, call: string) => {
    const settings = printedBy([`--max-old-space-size=${heapMiB}`], call, `setFlagsFromString('--help')`);
    return /--heap-growing-percent=(\d+)/.exec(settings)?.[1];
  };

  it.each([
    ['it is small', SETTLED],
    ['a service begins in a small one', SERVED],
  ])('may grow to twice what lives in it where %s', (_name, call) => {
    expect(growing(256, call)).toBe('100');
  });

  it.each([
    ['it is large', 1_200, SETTLED],
    ['nobody asks for it', 256, LEFT],
  ])('grows as V8 has it where %s', (_name, heapMiB, call) => {
    expect(growing(heapMiB, call)).toBe('0');
  });
});

describe('what is made where all lived on before', () => {
  /** Makes things that stay for long. */
  const WAITING = `
    const waiting = [];
    const come = (at) => ({ at, parts: [at, { at }] });
    for (let count = 0; count < 400_000; count++) waiting[count % 20_000] = come(count);`;
  /** The places where V8 makes things old at once, by what it says of itself. */
  const places = (call: string) => {
    const flags = ['--max-semi-space-size=1', '--single-threaded-gc', '--trace-pretenuring-statistics'];
    return printedBy(flags, call, WAITING).match(/=> tenure$/gm)?.length ?? 0;
  };

  it.each([
    ['is young', SETTLED],
    ['is young in a service', SERVED],
  ])('%s', (_name, call) => {
    expect(places(call)).toBe(0);
  });

  it('is old at once where nobody asks for it', () => {
    expect(places(LEFT)).toBeGreaterThan(0);
  });
});
