import { describe, expect, it } from '@jest/globals';
import { EMPTY_FRONTIER } from '@bulla/crypto/log';
import { Unsettled } from './unsettled.js';

const placeOf = (log: number) => ({ service: 'urn:bulla:acme:svc:vault', log, frontier: EMPTY_FRONTIER });
const logs = (places: readonly { log: number }[]) => places.map(({ log }) => log);

describe('what a sink took', () => {
  it('is sure at once where the sink answers', () => {
    const unsettled = new Unsettled(0);
    expect(logs(unsettled.add(placeOf(1), 500))).toEqual([1]);
    expect(logs(unsettled.add(placeOf(2), 0))).toEqual([2]);
  });

  it('is sure once enough was taken behind it where the sink does not answer [guard: stream-unsure]', () => {
    const unsettled = new Unsettled(10);
    expect(logs(unsettled.add(placeOf(1), 8))).toEqual([]);
    expect(logs(unsettled.add(placeOf(2), 9))).toEqual([]);
    expect(logs(unsettled.add(placeOf(3), 1))).toEqual([1]);
    expect(logs(unsettled.add(placeOf(4), 20))).toEqual([2, 3]);
    expect(logs(unsettled.take())).toEqual([4]);
    expect(logs(unsettled.take())).toEqual([]);
  });
});
