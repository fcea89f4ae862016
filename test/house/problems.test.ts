import { describe, expect, it } from '@jest/globals';
import { declaredProblems, unprovoked } from '../../scripts/testing/problems.mjs';

describe('every problem of the interface is provoked', () => {
  const declared = declaredProblems();

  it('counts those of each operation at its service, and those of the edge once per service', () => {
    expect(declared).toEqual(
      expect.arrayContaining([
        'vault prompt.create name_taken',
        'vault prompt.create clock_skew',
        'responder invocation.run envelope_replayed',
        'vault health.live validation_failed',
        'responder health.live validation_failed',
        'vault edge overloaded',
        'responder edge overloaded',
      ]),
    );
    expect(declared.filter((line) => /(?:vault|responder) (?!edge)\S+ (?:overloaded|internal)$/.test(line))).toEqual(
      [],
    );
    expect(new Set(declared).size).toBe(declared.length);
  });

  it('finds the one that no test has provoked', () => {
    const missing = 'vault prompt.create name_taken';
    const noted = [...declared, ...declared].filter((line) => line !== missing).join('\n');
    expect(unprovoked(declared, noted, { hasServer: true })).toEqual([missing]);
    expect(unprovoked(declared, declared.join('\n'), { hasServer: true })).toEqual([]);
  });

  it('asks for no wait of one connection for another where there is one alone', () => {
    const waits = declared.filter((line) => line.endsWith(' indeterminate'));
    const noted = declared.filter((line) => !waits.includes(line)).join('\n');
    expect(waits.length).toBeGreaterThan(5);
    expect(unprovoked(declared, noted, { hasServer: true })).toEqual(waits);
    expect(unprovoked(declared, noted, { hasServer: false })).toEqual([]);
  });
});
