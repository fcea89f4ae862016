import { describe, expect, it } from '@jest/globals';
import { figuresOf, type Outcome } from '../figures.js';
import { memoryVerdicts, openVerdict, streamVerdicts } from './verdicts.js';

const ok: Outcome = { status: 200, code: undefined, latencyMs: 3 };
const stretch = (outcomes: Outcome[], more: object = {}) =>
  openVerdict({ what: 'reads', perSecond: 1, figures: figuresOf(outcomes, 1), wanted: 10, open: 10, lost: 0, ...more });

describe('the bounds of many connections', () => {
  // All but the first are planted faults: one that is not noticed would make every run a good one.
  it.each([
    ['answered', [ok, ok], {}, true],
    ['refused once', [ok, { ...ok, status: 503, code: 'overloaded' }], {}, false],
    ['cut once', [ok, { ...ok, status: 0 }], {}, false],
    ['never asked', [], {}, false],
    ['answered, while a connection was lost', [ok], { lost: 1 }, false],
    ['answered, over fewer connections', [ok], { open: 9 }, false],
  ])('tell requests that were %s', (_name, outcomes, more, held) => {
    expect(stretch(outcomes, more).held).toBe(held);
  });

  const states = { asked: 0, open: 0, final: 0, ended: 10, cut: 0, refused: 0 };
  const streams = { wanted: 10, open: 10, shown: 10, statements: 1, states };
  it.each([
    ['good ones', {}, [true, true]],
    ['one that never opened', { open: 9 }, [false, true]],
    ['one that was cut', { states: { ...states, ended: 9, cut: 1 } }, [false, true]],
    ['one that showed no life', { shown: 9 }, [true, false]],
    ['a statement for each', { statements: 10 }, [true, false]],
  ])('tell streams with %s', (_name, more, held) => {
    expect(streamVerdicts({ ...streams, ...more }).map((one) => one.held)).toEqual(held);
  });

  it('tell a service that takes too much memory', () => {
    expect(memoryVerdicts({ vault: 511.9, responder: 512 }).map(({ held }) => held)).toEqual([true, false]);
  });
});
