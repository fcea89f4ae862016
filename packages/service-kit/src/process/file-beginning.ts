import { readSync } from 'node:fs';

/** What an open file holds, up to one byte more than it may: it may be one without end. */
export function beginningOf(descriptor: number, maxBytes: number): Buffer {
  const bytes = Buffer.alloc(maxBytes + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read)
    read = readSync(descriptor, bytes, length, bytes.length - length, null);
  return bytes.subarray(0, length);
}
