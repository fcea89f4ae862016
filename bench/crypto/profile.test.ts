import { describe, expect, it } from '@jest/globals';
import { sharesOf } from './profile.js';

const node = (id: number, functionName: string, url: string) => ({ id, callFrame: { functionName, url } });
const nodes = [
  node(1, '(idle)', ''),
  node(2, 'sealLetter', 'file:///bulla/packages/crypto/dist/letters/letter.js'),
  node(3, 'sign', 'node:internal/crypto/webcrypto'),
  node(4, '', 'file:///bulla/node_modules/zod/v4/mini/parse.js'),
  node(5, 'encrypt', 'file:///bulla/node_modules/@aws-crypto/encrypt-node/build/encrypt.js'),
  node(6, '(garbage collector)', ''),
  node(7, '(program)', ''),
  node(8, 'stringify', ''),
  node(9, 'run', 'file:///bulla/bench/dist/bench/crypto/repeat.js'),
];

describe('a profile', () => {
  it('shares the time of the thread out among whose code it was, and leaves waiting out', () => {
    const samples = [1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 1];
    const timeDeltas = [900, 10, 10, 10, 10, 10, 10, 10, 10, 10, 900];
    const stretch = { operations: 10, cpuSeconds: 0.005, mainSeconds: 0.0009 };
    const { microseconds, otherThreads, owners, functions } = sharesOf({ nodes, samples, timeDeltas }, stretch);
    expect(microseconds).toBeCloseTo(500);
    expect(otherThreads).toBeCloseTo(410);
    expect(owners[0]).toEqual(['@bulla/crypto', expect.closeTo(20)]);
    expect(new Map(owners.slice(1))).toEqual(
      new Map(
        [
          'node',
          'zod',
          '@aws-crypto/encrypt-node',
          'collecting garbage',
          'the engine',
          'native functions',
          'the bench',
        ].map((owner) => [owner, expect.closeTo(10)]),
      ),
    );
    expect(functions[0]).toEqual(['sealLetter (@bulla/crypto)', expect.closeTo(20)]);
    expect(functions).toHaveLength(8);
  });

  it('is empty where nothing was sampled', () => {
    const { owners, functions } = sharesOf({ nodes }, { operations: 1, cpuSeconds: 1, mainSeconds: 1 });
    expect([owners, functions]).toEqual([[], []]);
  });
});
