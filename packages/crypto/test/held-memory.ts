import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options: { type: 'major' | 'minor' }) => void;

/**
 * Bytes of buffers that somebody still holds, or that outlived the chunks around them. The young generation is enough: what
 * is let go at once dies there, and a collection of all that Jest holds takes seconds.
 */
export function held(): number {
  collectGarbage({ type: 'minor' });
  return process.memoryUsage().external;
}

/**
 * The same before anything begins: what earlier tests left, and the engine gives back at a moment of its own, would hide as
 * much of what is held later. The second collection ends what the first one left to do in the background.
 */
export function heldBefore(): number {
  for (const type of ['major', 'major'] as const) collectGarbage({ type });
  return held();
}
