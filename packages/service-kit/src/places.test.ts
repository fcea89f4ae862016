import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Places } from './places.js';

const LONG_MS = 60_000;
const open = (given: Partial<ConstructorParameters<typeof Places>[0]> = {}) =>
  new Places({ max: 1, waitingMax: 2, waitMs: LONG_MS, ...given });
const outcome = (granted: Promise<unknown>) => Promise.race([granted, pause(20, 'waits')]);

describe('places', () => {
  it('are given at once while there are some', async () => {
    const places = open({ max: 2 });
    expect(await outcome(places.ask().granted)).toBeUndefined();
    expect(await outcome(places.ask().granted)).toBeUndefined();
    const third = places.ask();
    expect(await outcome(third.granted)).toBe('waits');
    third.release();
  });

  it('go to who waited longest', async () => {
    const places = open();
    const [first, second, third] = [places.ask(), places.ask(), places.ask()];
    first.release();
    expect(await outcome(second.granted)).toBeUndefined();
    expect(await outcome(third.granted)).toBe('waits');
    second.release();
    expect(await outcome(third.granted)).toBeUndefined();
  });

  it('are not waited for by more than may', async () => {
    const places = open({ waitingMax: 1 });
    places.ask();
    const waiting = places.ask();
    expect(await outcome(places.ask().granted)).toBe('queue_full');
    expect(places.waiting).toBe(1);
    waiting.release();
    expect(places.waiting).toBe(0);
  });

  it('are not waited for longer than it helps', async () => {
    const places = open({ waitMs: 10 });
    const first = places.ask();
    const late = places.ask();
    expect(await late.granted).toBe('queue_late');
    late.release();
    first.release();
    expect(await outcome(places.ask().granted)).toBeUndefined();
  });

  it('are left to others by who stops waiting', async () => {
    const places = open();
    const [first, gone, third] = [places.ask(), places.ask(), places.ask()];
    gone.release();
    first.release();
    expect(await outcome(third.granted)).toBeUndefined();
  });

  it('are given back once, however often it is said', async () => {
    const places = open();
    const first = places.ask();
    first.release();
    first.release();
    expect(await outcome(places.ask().granted)).toBeUndefined();
    const second = places.ask();
    expect(await outcome(second.granted)).toBe('waits');
    second.release();
  });
});
