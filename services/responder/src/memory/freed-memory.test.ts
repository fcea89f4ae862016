import { describe, expect, it } from '@jest/globals';
import { EventLog } from '@bulla/service-kit';
import { isFreedMemoryOverwritten, warnOfFreedMemory } from './freed-memory.js';

describe('freed memory', () => {
  it.each([
    ['as images and the start script say', 'glibc.malloc.perturb=85:glibc.malloc.tcache_count=0', true],
    ['in the other order, beside others', 'glibc.malloc.tcache_count=0:a.b=1:glibc.malloc.perturb=1', true],
    ['not without a byte to overwrite with', 'glibc.malloc.tcache_count=0', false],
    ['not with the byte that means none', 'glibc.malloc.perturb=0:glibc.malloc.tcache_count=0', false],
    ['not with a byte of which nothing is left', 'glibc.malloc.perturb=256:glibc.malloc.tcache_count=0', false],
    ['not while a cache keeps it', 'glibc.malloc.perturb=85', false],
    ['not while a cache keeps a little', 'glibc.malloc.perturb=85:glibc.malloc.tcache_count=07', false],
    ['not by a setting of another name', 'xglibc.malloc.perturb=85:glibc.malloc.tcache_count=0', false],
    ['not where nothing is said', undefined, false],
  ])('is overwritten %s', (_name, GLIBC_TUNABLES, expected) => {
    expect(isFreedMemoryOverwritten({ GLIBC_TUNABLES })).toBe(expected);
  });

  it('that keeps what it held is a warning at the start, once [guard: memory-warning]', () => {
    const lines: string[] = [];
    const log = new EventLog({ service: 'responder', stream: { write: (line) => void lines.push(line) } });
    warnOfFreedMemory({ GLIBC_TUNABLES: 'glibc.malloc.perturb=85:glibc.malloc.tcache_count=0' }, log);
    expect(lines).toEqual([]);
    warnOfFreedMemory({}, log);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 'warn', event: 'freed-memory-kept' },
    ]);
  });
});
