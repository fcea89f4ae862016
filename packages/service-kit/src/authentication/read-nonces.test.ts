import { describe, expect, it } from '@jest/globals';
import { ReadNonces } from './read-nonces.js';
import { TestClock } from '../testing/clock.js';

/** A wall clock that is set while the monotonic one goes on. */
class SetClock extends TestClock {
  #setMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.#setMs;
  }

  /** From now on it is so many seconds ahead. */
  set(seconds: number): void {
    this.#setMs = seconds * 1000;
  }
}

describe('signatures of reads', () => {
  it('are taken once for each key, as long as they could come back', () => {
    const clock = new TestClock(1_000_000);
    const nonces = new ReadNonces(clock);
    const end = clock.now() + 60;
    expect(nonces.tryUse('a', 'x', end)).toBe(true);
    expect(nonces.tryUse('a', 'x', end)).toBe(false);
    expect(nonces.tryUse('b', 'x', end)).toBe(true);
    expect(nonces.tryUse('a', 'y', end)).toBe(true);
    clock.advance(60 + 240);
    expect(nonces.tryUse('a', 'z', clock.now() + 60)).toBe(true);
    expect(nonces.tryUse('a', 'x', end)).toBe(false);
    clock.advance(1);
    expect(nonces.tryUse('a', 'w', clock.now() + 60)).toBe(true);
    expect(nonces.size).toBe(2);
  });

  it('are not forgotten sooner because somebody sets the clock', () => {
    const clock = new SetClock(1_000_000_000);
    const nonces = new ReadNonces(clock);
    const end = clock.now() + 60;
    expect(nonces.tryUse('a', 'x', end)).toBe(true);
    clock.set(600);
    expect(nonces.tryUse('a', 'y', end + 600)).toBe(true);
    clock.set(0);
    expect(nonces.tryUse('a', 'x', end)).toBe(false);
  });

  it('are as many as there is room for: the oldest are forgotten', () => {
    const nonces = new ReadNonces(new TestClock(0), 3);
    for (let n = 0; n < 10; n++) expect(nonces.tryUse('a', String(n), 60)).toBe(true);
    expect(nonces.size).toBe(3);
    expect(nonces.tryUse('a', '9', 60)).toBe(false);
    expect(nonces.tryUse('a', '6', 60)).toBe(true);
  });
});
