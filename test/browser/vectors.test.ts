import { readCrossings, readVectors, tryCrossings, tryVectors } from '@bulla/conformance';
import type { Outcome, Peer, Result, Vector } from '@bulla/conformance';
import { findChromium } from '@bulla/testkit/chromium';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChromiumSide, node, startChromiumSide } from './sides.js';

const files = Map.groupBy(readVectors(), ({ id }) => id.split('/')[0] ?? '');
const notPassed = (results: readonly Result[]) => results.filter(({ status }) => status !== 'passed');

// Where no browser is installed these tests cannot mean anything.
(findChromium() === undefined ? describe.skip : describe)('the library in Chromium', () => {
  let chromium: ChromiumSide;
  beforeAll(async () => {
    chromium = await startChromiumSide();
  });
  afterAll(() => chromium.stop());

  it.each([...files])('conforms to %s, word for word as in Node', async (_file, vectors) => {
    const [here, there] = [recorded(node.peer), recorded(chromium.peer)];
    const [, results] = await Promise.all([tryVectors(here, vectors), tryVectors(there, vectors)]);
    expect(results).toHaveLength(vectors.length);
    expect(notPassed(results)).toEqual([]);
    expect(there.outcomes).toEqual(here.outcomes);
  });

  it('would be reported for a wrong verdict, whichever way', async () => {
    const [vectors = []] = files.values();
    const wrong = (one: Vector): Vector =>
      'ok' in one.expected
        ? { ...one, expected: { refused: 'open_failed' } }
        : { ...one, expected: { ...one.expected, refused: 'log_inconsistent' } };
    const results = await tryVectors(chromium.peer, vectors.map(wrong));
    expect(new Set(vectors.map(({ expected }) => 'ok' in expected))).toEqual(new Set([true, false]));
    expect(notPassed(results).map(({ id }) => id)).toEqual(vectors.map(({ id }) => id));
  });

  it.each(readCrossings())('opens what Node seals, and Node what it seals: $format $name', async (crossing) => {
    expect(await tryCrossings(node.peer, chromium.peer, [crossing])).toMatchObject([{ status: 'passed' }]);
    expect(await tryCrossings(chromium.peer, node.peer, [crossing])).toMatchObject([{ status: 'passed' }]);
  });

  it('has the same formats as in Node', async () => {
    expect(await chromium.peer.ask('hello')).toEqual(await node.peer.ask('hello'));
  });

  it('made no complaint on the console', () => expect(chromium.complaints).toEqual([]));
});

/** An implementation, and what it answered in order. */
function recorded(peer: Peer): Peer & { readonly outcomes: Outcome[] } {
  const outcomes: Outcome[] = [];
  return {
    outcomes,
    async ask(...request) {
      const outcome = await peer.ask(...request);
      outcomes.push(outcome);
      return outcome;
    },
  };
}
