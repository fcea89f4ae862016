import { describe, expect, it } from '@jest/globals';
import { textOf, verdictsOf } from './report.js';

const machine = {
  cpu: 'one',
  cores: 1,
  node: 'v24.0.0',
  openssl: 'OpenSSL 3',
  postgres: 'PostgreSQL 15',
  signsPerSecond: 1,
};
const costs = {
  prompt: { vault: 4, responder: 6 },
  chat: { vault: 4, responder: 7 },
  shared: { vault: 1, responder: 6 },
};
const streams = { microsecondsEach: 60, shortMiB: 100, longMiB: 104 };
const held = (changes: object) => verdictsOf({ costs, streams, ...changes }).map((one) => one.held);

describe('the bounds of chats', () => {
  it('are held at their edge', () => {
    expect(held({})).toEqual([true, true, true, true]);
    expect(textOf({ machine, date: '2026-12-07T00:00:00Z', costs, streams })).not.toContain('missed');
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  it.each([
    ['a chat that takes more', { costs: { ...costs, chat: { vault: 4, responder: 7.1 } } }, [false, true, true, true]],
    [
      'a shared one that takes more',
      { costs: { ...costs, shared: { vault: 1, responder: 6.1 } } },
      [true, false, true, true],
    ],
    ['chunks that take longer', { streams: { ...streams, microsecondsEach: 61 } }, [true, true, false, true]],
    ['a stream that is kept', { streams: { ...streams, longMiB: 104.1 } }, [true, true, true, false]],
    [
      'nothing measured',
      { costs: { ...costs, prompt: { vault: Number.NaN, responder: 1 } } },
      [false, false, true, true],
    ],
  ])('are not held with %s', (_name, changes, expected) => {
    expect(held(changes)).toEqual(expected);
  });
});
