import { describe, expect, it } from '@jest/globals';
import { type Asker, RUN_LIMITS, RunPlaces } from './run-places.js';

const of = (org: string, key: number): Asker => ({ org, keyid: `urn:bulla:${org}:dev:d#${key}` });
const staying = new AbortController().signal;

/** Takes so many, each of a key of its own unless one is named. */
function fill(places: RunPlaces, count: number, asker = (n: number) => of(`org${n}`, n)): (() => void)[] {
  return Array.from({ length: count }, (_, n) => {
    const leave = places.tryEnter(asker(n));
    if (leave === undefined) throw new Error('all are taken');
    return leave;
  });
}

describe('places for runs', () => {
  it('are so many at once, and given back once [guard: runs-max]', () => {
    const places = new RunPlaces();
    const leaves = fill(places, RUN_LIMITS.max);
    expect(places.tryEnter(of('late', 0))).toBeUndefined();
    leaves[0]?.();
    leaves[0]?.();
    expect(places.count).toBe(RUN_LIMITS.max - 1);
    expect(places.tryEnter(of('late', 0))).toBeDefined();
    expect(places.tryEnter(of('late', 0))).toBeUndefined();
  });

  it('leave room for others, whatever one key asks [guard: runs-per-key]', () => {
    const places = new RunPlaces();
    const busy = of('acme', 1);
    const [leave] = fill(places, RUN_LIMITS.perKey, () => busy);
    expect(() => places.tryEnter(busy)).toThrow(
      expect.objectContaining({ code: 'rate_limited', retryAfterSeconds: 1 }),
    );
    expect(places.tryEnter(of('acme', 2))).toBeDefined();
    leave?.();
    expect(places.tryEnter(busy)).toBeDefined();
  });

  it('leave room for others, whatever one organisation asks [guard: runs-per-organisation]', () => {
    const places = new RunPlaces();
    fill(places, RUN_LIMITS.perOrganisation, (n) => of('acme', n));
    expect(() => places.tryEnter(of('acme', -1))).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(places.tryEnter(of('other', -1))).toBeDefined();
  });

  it('go to keys in turn, and not to who has most that wait', async () => {
    const places = new RunPlaces({ max: 1, perKey: 9, perOrganisation: 9 }, 60_000);
    let [leave = () => {}] = fill(places, 1);
    const order: string[] = [];
    const wait = async (name: string, asker: Asker) => {
      leave = await places.wait(asker, staying);
      order.push(name);
    };
    const ends = [1, 2, 3].map((n) => wait(`a${n}`, of('acme', 1)));
    ends.push(wait('b1', of('acme', 2)), wait('c1', of('other', 3)));
    while (order.length < ends.length) {
      leave();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(ends);
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
  });

  it('pass over a key that has all it may have', async () => {
    const places = new RunPlaces({ max: 2, perKey: 1, perOrganisation: 9 }, 60_000);
    const [, leave = () => {}] = fill(places, 2);
    const full = places.wait(of('org0', 0), staying).then(() => 'full');
    const other = places.wait(of('late', 9), staying).then(() => 'other');
    leave();
    expect(await Promise.race([full, other])).toBe('other');
  });

  it('are not waited for longer than helps, nor by who has gone', async () => {
    const places = new RunPlaces({ max: 1, perKey: 9, perOrganisation: 9 }, 5);
    const [leave] = fill(places, 1);
    await expect(places.wait(of('acme', 1), staying)).rejects.toMatchObject({ code: 'overloaded' });
    const going = new AbortController();
    const waiting = new RunPlaces({ max: 1, perKey: 9, perOrganisation: 9 }, 60_000).wait(of('acme', 1), going.signal);
    going.abort(new Error('hung up'));
    await expect(waiting).rejects.toThrow('hung up');
    await expect(places.wait(of('acme', 1), going.signal)).rejects.toThrow('hung up');
    leave?.();
    expect(places.count).toBe(0);
    expect(places.tryEnter(of('acme', 2))).toBeDefined();
  });
});
