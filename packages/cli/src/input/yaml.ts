import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** The library, loaded where a prompt file is first read or written: no other command waits for its seventy modules. */
export function yaml(): typeof import('yaml') {
  return load('yaml') as typeof import('yaml');
}
