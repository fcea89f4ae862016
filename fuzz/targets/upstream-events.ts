import { deepEqual } from 'node:assert/strict';
import { UpstreamEvents } from '../../services/responder/dist/models/upstream-events.js';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

const SIZE_MAX = 4096;

/** What a model streams, in pieces of the length that the first byte says: how it was cut says nothing. */
export function fuzz(input: Uint8Array): boolean {
  const bytes = own(input.subarray(1));
  const whole = readIn(bytes, bytes.length + 1);
  const cut = readIn(bytes, (input[0] ?? 0) + 1);
  // A fault ends the reading where the piece ends that it is in, so pieces may tell more before it.
  if (whole.isBroken) deepEqual(cut.isBroken, true);
  else deepEqual(cut, whole);
  return whole.data.length > 0;
}

function readIn(bytes: Uint8Array, length: number): { readonly data: readonly string[]; readonly isBroken: boolean } {
  const events = new UpstreamEvents(SIZE_MAX);
  const data: string[] = [];
  for (let at = 0; at < bytes.length; at += length) {
    const arrived = read(() => events.push(bytes.subarray(at, at + length)), 'ModelError');
    if (arrived === undefined) return { data, isBroken: true };
    data.push(...arrived);
  }
  return { data, isBroken: false };
}
