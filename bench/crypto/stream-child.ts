import { type Bytes, newStreamKey, sealStream, utf8 } from '@bulla/crypto';
import { openStream } from '@bulla/crypto/open';
import { peakMemoryMiB } from '../memory.js';

// Seals and opens a stream in one go, and says how much memory the process took beyond what it had.

const MIB = 1_048_576;
const WARM_MIB = 4;

const [, , mib = '', what = ''] = process.argv;
const kept: Bytes[] = [];
// What the code itself takes, compiled and ready, is not what a stream takes.
await run(WARM_MIB, false);
const before = peakMemoryMiB(process.pid);
const startMs = performance.now();
await run(Number(mib), what === 'keep');
const seconds = (performance.now() - startMs) / 1000;
process.send?.({ growthMiB: peakMemoryMiB(process.pid) - before, seconds }, () => process.exit());

async function run(pieces: number, keep: boolean): Promise<void> {
  const options = { key: newStreamKey(), context: utf8('a large file') };
  let made = 0;
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        made += 1;
        controller.enqueue(new Uint8Array(MIB).fill(made));
        if (made === pieces) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  let bytes = 0;
  for await (const piece of source.pipeThrough(sealStream(options)).pipeThrough(openStream(options))) {
    if (piece[0] !== (Math.floor(bytes / MIB) + 1) % 256) throw new Error('it does not open to what was sealed');
    bytes += piece.length;
    if (keep) kept.push(piece);
  }
  if (bytes !== pieces * MIB) throw new Error(`of ${pieces} MiB ${bytes} bytes came back`);
}
