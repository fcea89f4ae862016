import { describe, expect, it } from '@jest/globals';
import { drawnOrder } from './drawn-order.js';

const weights = new Map([
  ['a', 3],
  ['b', 1],
  ['c', 2],
]);
const weightOf = (name: string) => weights.get(name) ?? 0;
/** Draws the tickets of a list, and keeps how many there were to draw from. */
function ticketsOf(tickets: number[]) {
  const asked: number[] = [];
  const entropy = (max: number) => {
    asked.push(max);
    return tickets.shift() ?? 0;
  };
  return { asked, entropy };
}

describe('an order by weight', () => {
  it.each([
    [
      [0, 0],
      ['a', 'b', 'c'],
      [6, 3],
    ],
    [
      [2, 1],
      ['a', 'c', 'b'],
      [6, 3],
    ],
    [
      [3, 4],
      ['b', 'c', 'a'],
      [6, 5],
    ],
    [
      [5, 0],
      ['c', 'a', 'b'],
      [6, 4],
    ],
  ])('by the tickets %j is %j', (tickets, order, maxima) => {
    const { asked, entropy } = ticketsOf([...tickets]);
    expect(drawnOrder(['a', 'b', 'c'], weightOf, entropy)).toEqual(order);
    expect(asked).toEqual(maxima);
  });

  it('of one and of nothing draws nothing', () => {
    const { asked, entropy } = ticketsOf([]);
    expect([drawnOrder(['a'], weightOf, entropy), drawnOrder([], weightOf, entropy)]).toEqual([['a'], []]);
    expect(asked).toEqual([]);
  });

  it('gives each the first place as often as its weight says, by the random numbers of the machine', () => {
    const firsts = Array.from({ length: 6_000 }, () => drawnOrder(['a', 'b', 'c'], weightOf)[0]);
    const share = (name: string) => firsts.filter((first) => first === name).length / firsts.length;
    // Ten standard deviations, so that this fails for a reason.
    for (const [name, weight] of weights) expect(Math.abs(share(name) - weight / 6)).toBeLessThan(0.065);
  });
});
