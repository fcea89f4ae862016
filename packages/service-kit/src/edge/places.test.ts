import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Standing } from './places.js';
import { Places } from './places.js';

const LONG_MS = 60_000;
const open = (given: Partial<ConstructorParameters<typeof Places>[0]> = {}) =>
  new Places({ max: 1, waitingMax: 2, waitMs: LONG_MS, crowdedMs: LONG_MS, ...given });
const outcome = (granted: unknown) => Promise.race([granted, pause(20, 'waits')]);

describe('places', () => {
  it('are given at once while there are some', async () => {
    const places = open({ max: 2 });
    expect(await outcome(places.ask('verified').granted)).toBeUndefined();
    expect(await outcome(places.ask('verified').granted)).toBeUndefined();
    const third = places.ask('verified');
    expect(await outcome(third.granted)).toBe('waits');
    third.release();
  });

  it('go to who waited longest', async () => {
    const places = open();
    const [first, second, third] = [places.ask('verified'), places.ask('verified'), places.ask('verified')];
    first.release();
    expect(await outcome(second.granted)).toBeUndefined();
    expect(await outcome(third.granted)).toBe('waits');
    second.release();
    expect(await outcome(third.granted)).toBeUndefined();
  });

  it('are not waited for by more than may', async () => {
    const places = open({ waitingMax: 1 });
    places.ask('verified');
    const waiting = places.ask('verified');
    expect(await outcome(places.ask('verified').granted)).toBe('queue_full');
    expect(places.waiting).toBe(1);
    waiting.release();
    expect(places.waiting).toBe(0);
  });

  it('are not waited for longer than it helps', async () => {
    const places = open({ waitMs: 10 });
    const first = places.ask('verified');
    const late = places.ask('verified');
    expect(await late.granted).toBe('queue_late');
    late.release();
    first.release();
    expect(await outcome(places.ask('verified').granted)).toBeUndefined();
  });

  it('are left to others by who stops waiting', async () => {
    const places = open();
    const [first, gone, third] = [places.ask('verified'), places.ask('verified'), places.ask('verified')];
    gone.release();
    first.release();
    expect(await outcome(third.granted)).toBeUndefined();
  });

  it('are given back once, however often it is said', async () => {
    const places = open();
    const first = places.ask('verified');
    first.release();
    first.release();
    expect(await outcome(places.ask('verified').granted)).toBeUndefined();
    const second = places.ask('verified');
    expect(await outcome(second.granted)).toBe('waits');
    second.release();
  });

  it('are not waited for while others waited for nothing, and waited for again later', async () => {
    const places = open({ waitingMax: 9, waitMs: 50, crowdedMs: 300 });
    const first = places.ask('verified');
    const patient = places.ask('verified');
    expect(places.turnAway('verified')).toBeUndefined();
    expect(await patient.granted).toBe('queue_late');
    expect(await places.ask('verified').granted).toBe('queue_full');
    expect(places.turnAway('verified')).toBe('queue_full');
    await pause(350);
    const later = places.ask('verified');
    first.release();
    expect(await later.granted).toBeUndefined();
  });

  it('are given to who comes when one is free, whoever was refused before', async () => {
    const places = open({ waitingMax: 0 });
    const first = places.ask('verified');
    expect(places.turnAway('verified')).toBe('queue_full');
    first.release();
    expect(places.turnAway('verified')).toBeUndefined();
    expect(await outcome(places.ask('verified').granted)).toBeUndefined();
  });
});

describe('a place that rests', () => {
  it('is had by others, and taken again before those who have not begun', async () => {
    const places = open();
    const first = places.ask('verified');
    const [second, third] = [places.ask('verified'), places.ask('verified')];
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
    const first = places.ask('verified');
    first.rest();
    await first.resume();
    const second = places.ask('verified');
    expect(await outcome(second.granted)).toBe('waits');
    second.release();
  });

  it('is given back once, whether it rests or not', async () => {
    const places = open({ max: 2 });
    const [first, second] = [places.ask('verified'), places.ask('verified')];
    first.rest();
    first.rest();
    first.release();
    first.rest();
    await first.resume();
    expect(await outcome(places.ask('verified').granted)).toBeUndefined();
    const third = places.ask('verified');
    expect(await outcome(third.granted)).toBe('waits');
    second.release();
    expect(await outcome(third.granted)).toBeUndefined();
  });

  it('waits no longer once it is given back', async () => {
    const places = open();
    const first = places.ask('verified');
    first.rest();
    const second = places.ask('verified');
    const resumed = first.resume();
    first.release();
    await resumed;
    second.release();
    expect(await outcome(places.ask('verified').granted)).toBeUndefined();
  });
});

describe('places of callers', () => {
  const asked: ReturnType<Places['ask']>[] = [];
  afterEach(() => {
    // When a request ends, the one that waits behind it begins. So the last ones are released first.
    for (const place of asked.splice(0).toReversed()) place.release();
  });
  const ask = (places: Places, standing: Standing, count: number) => {
    const now = Array.from({ length: count }, () => places.ask(standing));
    asked.push(...now);
    return now;
  };
  const granted = async (...places: ReturnType<Places['ask']>[]) =>
    (await Promise.all(places.map(({ granted: outcomeOf }) => outcome(outcomeOf)))).filter((one) => one === undefined)
      .length;
  const many = (places: Places, standing: Standing) => ask(places, standing, 20);
  const eight = () => open({ max: 8, waitingMax: 20 });

  it('are not had by who brings no signature [guard: places-strangers]', async () => {
    const places = eight();
    expect(await granted(...many(places, 'stranger'))).toBe(4);
    expect(await granted(...many(places, 'claimed'))).toBe(2);
  });

  it('are not had by who says to have signed, until that is certain [guard: places-unverified]', async () => {
    const places = eight();
    const claimed = many(places, 'claimed');
    expect(await granted(...claimed)).toBe(6);
    claimed[0]?.verify();
    claimed[1]?.verify();
    expect(await granted(...claimed)).toBe(8);
    expect(places.taken('claimed')).toBe(6);
    expect(places.taken('verified')).toBe(2);
  });

  it('are there for one who returns, however many strangers wait', async () => {
    const places = eight();
    const [caller] = ask(places, 'claimed', 1);
    caller?.verify();
    caller?.rest();
    const others = [...many(places, 'claimed'), ...many(places, 'stranger')];
    expect(await granted(...others)).toBe(6);
    await caller?.resume();
    expect(places.taken('verified')).toBe(1);
  });

  it('are all of them, where no stranger asks', async () => {
    const places = eight();
    const callers = many(places, 'claimed');
    for (const place of callers) place.verify();
    expect(await granted(...callers)).toBe(8);
    callers[0]?.release();
    expect(await granted(...callers)).toBe(9);
  });

  it('go to the longest waiting, of those that may', async () => {
    const places = eight();
    const callers = ask(places, 'verified', 8);
    const strangers = ask(places, 'stranger', 6);
    const late = ask(places, 'claimed', 1);
    callers[0]?.release();
    expect([await granted(...strangers), await granted(...late)]).toEqual([1, 0]);
    for (const caller of callers.slice(1, 5)) caller.release();
    expect([await granted(...strangers), await granted(...late)]).toEqual([4, 1]);
  });

  it('are waited for in vain by those only of whom there are too many', async () => {
    const places = open({ max: 4, waitingMax: 0 });
    expect(await granted(...many(places, 'stranger'))).toBe(2);
    expect(places.turnAway('stranger')).toBe('queue_full');
    expect(places.turnAway('claimed')).toBeUndefined();
  });
});
