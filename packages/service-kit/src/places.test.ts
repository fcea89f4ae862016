import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Places } from './places.js';

const LONG_MS = 60_000;
const open = (given: Partial<ConstructorParameters<typeof Places>[0]> = {}) =>
  new Places({ max: 1, waitingMax: 2, waitMs: LONG_MS, crowdedMs: LONG_MS, ...given });
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

  it('are not waited for while others waited for nothing, and waited for again later', async () => {
    const places = open({ waitingMax: 9, waitMs: 50, crowdedMs: 300 });
    const first = places.ask();
    const patient = places.ask();
    expect(places.turnAway()).toBeUndefined();
    expect(await patient.granted).toBe('queue_late');
    expect(await places.ask().granted).toBe('queue_full');
    expect(places.turnAway()).toBe('queue_full');
    await pause(350);
    const later = places.ask();
    first.release();
    expect(await later.granted).toBeUndefined();
  });

  it('are given to who comes when one is free, whoever was refused before', async () => {
    const places = open({ waitingMax: 0 });
    const first = places.ask();
    expect(places.turnAway()).toBe('queue_full');
    first.release();
    expect(places.turnAway()).toBeUndefined();
    expect(await outcome(places.ask().granted)).toBeUndefined();
  });
});

describe('a place that rests', () => {
  it('is had by others, and taken again before those who have not begun', async () => {
    const places = open();
    const first = places.ask();
    const [second, third] = [places.ask(), places.ask()];
    first.rest();
    expect(await outcome(second.granted)).toBeUndefined();
    const resumed = first.resume();
    expect(await outcome(resumed)).toBe('waits');
    second.release();
    expect(await outcome(resumed)).toBeUndefined();
    expect(await outcome(third.granted)).toBe('waits');
    first.release();
    expect(await outcome(third.granted)).toBeUndefined();
  });

  it('is taken again at once where one is free', async () => {
    const places = open();
    const first = places.ask();
    first.rest();
    await first.resume();
    const second = places.ask();
    expect(await outcome(second.granted)).toBe('waits');
    second.release();
  });

  it('is given back once, whether it rests or not', async () => {
    const places = open({ max: 2 });
    const [first, second] = [places.ask(), places.ask()];
    first.rest();
    first.rest();
    first.release();
    first.rest();
    await first.resume();
    expect(await outcome(places.ask().granted)).toBeUndefined();
    const third = places.ask();
    expect(await outcome(third.granted)).toBe('waits');
    second.release();
    expect(await outcome(third.granted)).toBeUndefined();
  });

  it('waits no longer once it is given back', async () => {
    const places = open();
    const first = places.ask();
    first.rest();
    const second = places.ask();
    const resumed = first.resume();
    first.release();
    await resumed;
    second.release();
    expect(await outcome(places.ask().granted)).toBeUndefined();
  });
});
