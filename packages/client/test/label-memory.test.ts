import { describe, expect, it } from '@jest/globals';
import { positionHash } from '@bulla/crypto';
import type { ShownPosition } from '../src/labels/label-memory.js';
import {
  headOf,
  leadsThrough,
  rememberedOf,
  remembering,
  requireAfter,
  tupleOf,
  withEarlierHead,
  withFork,
  withoutForks,
  withHead,
  withoutHead,
} from '../src/labels/label-memory.js';
import type { TrustState } from '../src/trust/trust-store.js';
import { contentOf, seenOf } from '../src/trust/trust-store.js';
import { shown } from './shown.js';

const NAME = 'claims/triage';
const empty = {
  pin: '',
  documents: { roots: [], policy: '', directory: '' },
  memory: {},
  fetchedAt: 0,
  names: [],
} as unknown as TrustState;
const at = (seq: number, change: Partial<ShownPosition> = {}) => shown({ seq, ...change });
const put = (state: TrustState, position: ShownPosition, tuples = [tupleOf(position)]) =>
  withHead(state, position, tuples);
const seenIn = (state: TrustState) => seenOf(state, NAME);

describe('what is remembered of a label', () => {
  it('is nothing at first', () => {
    expect([rememberedOf(undefined, 'a'), headOf(undefined, 'a'), seenOf(undefined, 'a')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(contentOf(undefined, 1)).toBeUndefined();
  });

  it('is its position, with the tags and the moves that showed it', () => {
    const name = 'constructor';
    const state = put(put(empty, at(1, { name, label: '__proto__' })), at(9, { name, label: 'other' }));
    expect(seenOf(state, name)).toEqual({
      sub: 'urn:bulla:acme:prompt:one',
      labels: [
        {
          label: '__proto__',
          seq: 1,
          pos: 'position 1',
          sub: 'urn:bulla:acme:prompt:one',
          ver: 1,
          chash: 'content 1',
          prev: '',
          tags: ['tag 1'],
          until: 100,
          tuples: [tupleOf(at(1))],
        },
        expect.objectContaining({ label: 'other', seq: 9 }),
      ],
      contents: [
        [1, 'content 1'],
        [9, 'content 9'],
      ],
    });
  });

  it('keeps the first content of a version, and none of a deleted label', () => {
    let state = put(empty, at(1));
    state = put(state, at(2, { version: 1, chash: 'another' }));
    state = put(state, at(3, { version: 0, chash: '' }));
    expect(seenIn(state)?.contents).toEqual([[1, 'content 1']]);
    expect(contentOf(seenIn(state), 1)).toBe('content 1');
  });

  it('forgets the contents of an earlier prompt, and keeps how far its labels had come', () => {
    const state = put(put(empty, at(1, { label: 'old' })), at(2, { sub: 'two', version: 1, chash: 'new' }));
    expect(seenIn(state)).toMatchObject({ sub: 'two', contents: [[1, 'new']] });
    expect(seenIn(state)?.labels.map(({ label, seq }) => [label, seq])).toEqual([
      ['old', 1],
      ['latest', 2],
    ]);
    // The label that the earlier prompt left is where it was: that says nothing new about the name.
    expect(seenIn(put(state, at(1, { label: 'old', expiresAt: 200 })))).toMatchObject({
      sub: 'two',
      contents: [[1, 'new']],
    });
  });

  it('is the same object where nothing is new, and has newer tags where they last longer', () => {
    const state = put(empty, at(1));
    expect(put(state, at(1, { tags: ['older'], expiresAt: 99 }))).toBe(state);
    const renewed = put(state, at(1, { tags: ['newer'], expiresAt: 200 }));
    expect(headOf(seenIn(renewed), 'latest')).toMatchObject({ tags: ['newer'], until: 200, seq: 1 });
  });

  it('keeps the newest thousand moves', () => {
    const tuples = Array.from({ length: 1_200 }, (_, index) => tupleOf(at(index + 1)));
    const head = headOf(seenIn(put(empty, at(1_200), tuples)), 'latest');
    expect(head?.tuples).toHaveLength(1_000);
    expect(head?.tuples.at(-1)).toEqual(tuples.at(-1));
    expect(head && leadsThrough(head, at(1_000))).toBe(true);
    expect(head && leadsThrough(head, at(100))).toBe(false);
  });

  it('is replaced when a person says so', () => {
    const state = put(empty, at(5), [tupleOf(at(4)), tupleOf(at(5))]);
    const adopted = put(withoutHead(state, at(3)), at(3));
    expect(headOf(seenIn(adopted), 'latest')).toMatchObject({ seq: 3, tuples: [tupleOf(at(3))] });
    const earlier = withEarlierHead(state, NAME, 'two', { label: 'latest', seq: 7 });
    expect(rememberedOf(seenIn(earlier), 'latest')).toEqual({ label: 'latest', seq: 7 });
    expect(headOf(seenIn(earlier), 'latest')).toBeUndefined();
  });
});

describe('what another process remembered meanwhile', () => {
  const first = put(empty, at(1));
  const before = rememberedOf(seenIn(first), 'latest');
  const moves = [tupleOf(at(2)), tupleOf(at(3))];

  it('is nothing: the position is remembered, with the moves to it', () => {
    const outcome = remembering(first, at(3), before, moves);
    expect(outcome.kind).toBe('newest');
    if (outcome.kind !== 'newest') return;
    expect(headOf(seenIn(outcome.state), 'latest')?.tuples).toEqual([tupleOf(at(1)), ...moves]);
  });

  it('is the same position', () => {
    const state = put(first, at(3), [tupleOf(at(1)), ...moves]);
    expect(remembering(state, at(3), before, moves)).toEqual({ kind: 'newest', state });
  });

  it('is a later position, which stays [guard: client-label-compared-again]', () => {
    const state = put(first, at(3), [tupleOf(at(1)), ...moves]);
    expect(remembering(state, at(2), before, moves.slice(0, 1))).toEqual({ kind: 'passed' });
  });

  it.each<[string, ShownPosition]>([
    ['a position on the way', at(2)],
    ['another position of that number', at(3, { pos: 'another' })],
    ['a position far beyond', at(9)],
  ])('is %s, against which it has to be checked', (_name, other) => {
    expect(remembering(put(first, other), at(3), before, moves).kind).toBe('changed');
  });

  it('is the first of all', () => {
    expect(remembering(put(empty, at(1)), at(2), undefined, [tupleOf(at(2))]).kind).toBe('changed');
  });
});

describe('after a position that was signed before positions had a hash', () => {
  const of = { name: NAME, tag: 'latest' };
  /** A position with its true hash. */
  async function real(seq: number, prev: string): Promise<ShownPosition> {
    const position = at(seq, { prev });
    return { ...position, pos: await positionHash({ ...of, ...tupleOf(position), seq }) };
  }

  it('one beginning is taken, and what comes after it [guard: client-label-begins]', async () => {
    const begun = await real(6, '');
    const next = await real(7, begun.pos);
    const earlier = { label: 'latest', seq: 5 };
    await requireAfter(earlier, begun, [tupleOf(begun)]);
    await requireAfter(earlier, next, [tupleOf(begun), tupleOf(next)]);
    // Those that were signed before in between have no hash either.
    await requireAfter({ label: 'latest', seq: 3 }, next, [
      tupleOf(at(4, { prev: '' })),
      tupleOf(at(5, { prev: '' })),
      tupleOf(begun),
      tupleOf(next),
    ]);
    const refused = expect.objectContaining({ code: 'trust_rollback' });
    await expect(requireAfter(earlier, await real(6, 'P'), [tupleOf(at(6, { prev: 'P' }))])).rejects.toEqual(refused);
    await expect(requireAfter(earlier, await real(5, ''), [])).rejects.toEqual(refused);
    await expect(requireAfter(earlier, await real(4, ''), [])).rejects.toEqual(refused);
    const head = headOf(seenIn(put(empty, begun)), 'latest');
    if (head === undefined) throw new Error('nothing is remembered');
    // Once there is one with a hash, no other beginning is taken.
    const again = await real(7, '');
    await expect(requireAfter(head, again, [tupleOf(again)])).rejects.toEqual(refused);
  });
});

describe('positions that contradict each other', () => {
  const fork = (index: number) => ({
    name: NAME,
    label: 'latest',
    at: index,
    remembered: ['a'],
    shown: [`b${index}`],
  });

  it('are kept once each, the newest sixteen', () => {
    let state: TrustState = empty;
    for (let index = 0; index < 20; index += 1)
      state = withFork(withFork(state, fork(index)), { ...fork(index), at: 99 });
    expect(state.forks).toEqual(Array.from({ length: 16 }, (_, index) => fork(index + 4)));
    expect(withoutForks(state, { name: NAME, label: 'other' })).toBe(state);
    expect(withoutForks(state, fork(0)).forks).toEqual([]);
  });
});
