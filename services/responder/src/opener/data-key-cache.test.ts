import { describe, expect, it } from '@jest/globals';
import { Secret } from '@bulla/crypto';
import { TestClock } from '@bulla/service-kit/testing';
import { DataKeyCache } from './data-key-cache.js';

const LIMITS = { ageMs: 60_000, uses: 3, bytes: 96 };
const key = (byte: number) => new Secret(new Uint8Array(32).fill(byte));

function make() {
  const clock = new TestClock(0);
  return { clock, cache: new DataKeyCache(clock, LIMITS) };
}

describe('the cache of content keys', () => {
  it('gives copies: what one user wipes, the next still has [guard: cache-copy]', () => {
    const { cache } = make();
    const dek = key(1);
    cache.keep('w', dek);
    dek.wipe();
    cache.find('w')?.wipe();
    expect(cache.find('w')?.reveal()).toEqual(key(1).reveal());
    cache.clear();
  });

  it('knows a key by the grant that held it only', () => {
    const { cache } = make();
    cache.keep('w', key(1));
    expect(cache.find('v')).toBeUndefined();
    cache.clear();
  });

  it('forgets a key after its age, asked for or not [guard: cache-age]', () => {
    const { cache, clock } = make();
    cache.keep('w', key(1));
    cache.keep('v', key(2));
    clock.advance(59);
    expect(cache.find('w')).toBeDefined();
    clock.advance(1);
    expect(cache.find('w')).toBeUndefined();
    cache.sweep();
    clock.advance(-1);
    expect(cache.find('v')).toBeUndefined();
  });

  it('does not grow younger when a key is kept again', () => {
    const { cache, clock } = make();
    cache.keep('w', key(1));
    clock.advance(40);
    cache.keep('w', key(1));
    clock.advance(20);
    expect(cache.find('w')).toBeUndefined();
  });

  it('forgets a key after its uses [guard: cache-uses]', () => {
    const { cache } = make();
    cache.keep('w', key(1));
    const found = Array.from({ length: 4 }, () => cache.find('w') !== undefined);
    expect(found).toEqual([true, true, true, false]);
  });

  it('makes room by the oldest', () => {
    const { cache } = make();
    for (const name of ['a', 'b', 'c', 'd']) cache.keep(name, key(1));
    expect(['a', 'b', 'c', 'd'].map((name) => cache.find(name) !== undefined)).toEqual([false, true, true, true]);
    cache.clear();
    expect(cache.find('d')).toBeUndefined();
  });

  it('keeps nothing that is larger than all of it', () => {
    const { cache } = make();
    cache.keep('w', new Secret(new Uint8Array(97)));
    expect(cache.find('w')).toBeUndefined();
  });
});
