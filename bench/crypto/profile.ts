import inspector from 'node:inspector/promises';
import { repeat, type Stretch } from './repeat.js';
import type { Run } from './variant.js';

/** Where the time of one operation goes, in microseconds of processor time. */
export interface Profile {
  readonly microseconds: number;
  /** Of all threads but the one that runs JavaScript: the pool, where private keys are used, and the engine's own. */
  readonly otherThreads: number;
  /** Of the thread that runs JavaScript, by whose code it was, most first. */
  readonly owners: readonly (readonly [owner: string, microseconds: number])[];
  /** The functions in which most of it was spent. */
  readonly functions: readonly (readonly [name: string, microseconds: number])[];
}

/** What is used of the profile that V8 makes. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples?: readonly number[] | undefined;
  readonly timeDeltas?: readonly number[] | undefined;
}

const SAMPLE_MICROSECONDS = 200;
const FUNCTIONS = 8;
/** Samples at which the thread waits. */
const IDLE = '(idle)';
const MICROSECONDS = 1_000_000;

/** Repeats an operation under V8's profiler. */
export async function profileOf(run: Run, concurrency: number, seconds: number): Promise<Profile> {
  const session = new inspector.Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
  await session.post('Profiler.start');
  const stretch = await repeat(run, concurrency, seconds);
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return sharesOf(profile, stretch);
}

/** The processor time of a stretch, shared out by a profile of it. */
export function sharesOf(profile: CpuProfile, { operations, cpuSeconds, mainSeconds }: Stretch): Profile {
  const each = (seconds: number) => (seconds * MICROSECONDS) / operations;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byOwner = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let sum = 0;
  for (const [at, id] of (profile.samples ?? []).entries()) {
    const frame = frames.get(id);
    const took = Math.max(0, profile.timeDeltas?.[at] ?? 0);
    if (frame === undefined || frame.functionName === IDLE) continue;
    sum += took;
    const owner = ownerOf(frame);
    byOwner.set(owner, (byOwner.get(owner) ?? 0) + took);
    const name = `${frame.functionName || 'without a name'} (${owner})`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + took);
  }
  const shared = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .map(([name, took]): [string, number] => [name, (took / sum) * each(mainSeconds)])
      .toSorted(([, a], [, b]) => b - a);
  return {
    microseconds: each(cpuSeconds),
    otherThreads: each(cpuSeconds - mainSeconds),
    owners: shared(byOwner),
    functions: shared(byFunction).slice(0, FUNCTIONS),
  };
}

function ownerOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName === '(garbage collector)') return 'collecting garbage';
  if (functionName === '(program)') return 'the engine';
  if (url.startsWith('node:')) return 'node';
  const packaged = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (packaged !== undefined) return packaged;
  if (url.includes('/packages/crypto/')) return '@bulla/crypto';
  return url === '' ? 'native functions' : 'the bench';
}
