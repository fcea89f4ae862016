import { makeSetting } from './organisation.js';
import { walkAll } from './walking.js';

// A process of `npm run walks`: takes every so-many-th walk of a seed, and tells its parent after each hundred.

const [seed = 0, first = 0, end = 0, step = 1] = process.argv.slice(2).map(Number);
const TOLD_EVERY = 100;
const stopped = new AbortController();
// A Ctrl-C is for the parent, which asks in its turn; it may also have been killed.
process.on('SIGINT', () => undefined);
process.once('SIGTERM', () => stopped.abort());
process.once('disconnect', () => stopped.abort());

function* numbers(): Generator<number> {
  for (let number = first; number < end && !stopped.signal.aborted; number += step) yield number;
}

let taken = 0;
const { found, counts } = await walkAll(await makeSetting(), seed, numbers(), {
  taken: () => {
    taken += 1;
    if (taken % TOLD_EVERY === 0) process.send?.({ taken });
  },
});
if (process.connected)
  process.send?.({ taken, counts: [...counts], report: found?.report }, () => process.disconnect());
if (stopped.signal.aborted) process.exitCode = 1;
