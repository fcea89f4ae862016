import { describe, expect, it } from '@jest/globals';
import type { FloorProof } from './floor.js';
import { FLOOR_BOUNDS, floorVerdicts } from './verdicts.js';

const PROOF: FloorProof = { connections: 0, notRecorded: [], verified: 32, isControlFound: true };
const COSTS = { serviceMs: 3, floorMs: 2, signMs: 1, p95Ms: 99 };
const held = (costs: object, proof: object = {}) =>
  floorVerdicts({ ...COSTS, ...costs }, { ...PROOF, ...proof }, FLOOR_BOUNDS.vault).map((one) => one.held);

describe('the bounds of the floor', () => {
  it('are held at their edge; the responder has none for its floor', () => {
    expect(held({})).toEqual([true, true, true, true, true]);
    const costs = { ...COSTS, serviceMs: 3.2, floorMs: 2, signMs: 0.1 };
    expect(floorVerdicts(costs, PROOF, FLOOR_BOUNDS.responder).map((one) => one.held)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  it.each([
    ['a service that takes more', { serviceMs: 3.01 }, {}, [false, true, true, true, true]],
    ['a floor that takes more', { serviceMs: 3, floorMs: 2.01 }, {}, [true, false, true, true, true]],
    ['a slow answer', { p95Ms: 100 }, {}, [true, true, false, true, true]],
    ['nothing measured', { p95Ms: Number.NaN, floorMs: Number.NaN }, {}, [false, false, false, true, true]],
    ['a database that was asked', {}, { connections: 1 }, [true, true, true, false, true]],
    ['a statement that nobody recorded', {}, { notRecorded: ['select 1'] }, [true, true, true, false, true]],
    ['answers that nobody read', {}, { verified: 0 }, [true, true, true, false, true]],
    ['a control that was not found', {}, { isControlFound: false }, [true, true, true, true, false]],
  ])('are not held with %s', (_name, costs, proof, expected) => {
    expect(held(costs, proof)).toEqual(expected);
  });
});
