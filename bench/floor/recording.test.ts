import { describe, expect, it } from '@jest/globals';
import { NotRecorded, Replay, type Sample } from './recording.js';

const NOW_MS = Date.now();
const sample = (values: unknown[], rows: Sample['rows'], atMs = NOW_MS): Sample => ({
  values,
  rows,
  command: 'SELECT',
  rowCount: rows.length,
  atMs,
  tookMs: 1,
});
const replayOf = (...samples: Sample[]) => new Replay(new Map([['select', samples]]));

describe('a replay', () => {
  it('fails on a statement that nobody has recorded, and says which', () => {
    const replay = replayOf(sample([], []));
    expect(() => replay.answer('delete', [])).toThrow(NotRecorded);
    expect(() => replay.answer('delete', [])).toThrow('delete');
  });

  it('removes nothing where a chore looks for what is over, once a minute, and nothing else that is not recorded', () => {
    const purge =
      'delete from "vault"."http_nonce" where ctid = any(array((select ctid as "at" from "vault"."http_nonce")))';
    expect(replayOf().answer(purge, [1])).toEqual({ command: 'DELETE', rowCount: 0, rows: [], afterMs: 0 });
    expect(() => replayOf().answer('delete from "vault"."http_nonce" where keyid = $1', [1])).toThrow(NotRecorded);
  });

  it('answers what is always so for whatever values, with rows of its own each time', () => {
    const bytes = new Uint8Array([1, 2]);
    const replay = replayOf(sample(['a'], [{ n: 1, bytes }]), sample(['b'], [{ n: 1, bytes }]));
    const { rows } = replay.answer('select', ['c']);
    expect(rows).toEqual([{ n: 1, bytes }]);
    expect(replay.answer('select', ['c']).rows[0]).not.toBe(rows[0]);
  });

  it('says after what time an answer is due: as long as most took', () => {
    const [one, two, three] = [1, 2, 40].map((tookMs) => ({ ...sample([], []), tookMs }));
    expect(replayOf(one as Sample, three as Sample, two as Sample).answer('select', []).afterMs).toBe(2);
  });

  it('answers what was given where the answer repeats it', () => {
    const replay = replayOf(sample([7, 'a'], [{ id: 'a' }]), sample([7, 'b'], [{ id: 'b' }]));
    expect(replay.answer('select', [7, 'c']).rows).toEqual([{ id: 'c' }]);
  });

  it('answers what a clock says, in milliseconds or seconds', () => {
    const seconds = Math.floor(NOW_MS / 1000);
    const replay = replayOf(
      sample(['a'], [{ ms: NOW_MS - 5_000, s: seconds - 5 }], NOW_MS - 5_000),
      sample(['b'], [{ ms: NOW_MS, s: seconds }]),
    );
    const [row] = replay.answer('select', ['c']).rows;
    expect(Math.abs(Number(row?.['ms']) - Date.now())).toBeLessThan(2_000);
    expect(Math.abs(Number(row?.['s']) - Date.now() / 1000)).toBeLessThan(2);
  });

  it('answers a row for each item of the lists that are given', () => {
    const listed = (ids: string[]) => [ids, ids.map(() => 1)];
    const rows = (ids: string[]) => ids.map((id, at) => ({ id, at: at + 1, sign: 'shown' }));
    const replay = replayOf(sample(listed(['a']), rows(['a'])), sample(listed(['b', 'c']), rows(['b', 'c'])));
    expect(replay.answer('select', listed(['d', 'e', 'f'])).rows).toEqual(rows(['d', 'e', 'f']));
    expect(replay.answer('select', listed([])).rows).toEqual([]);
  });

  it('answers so where all rows are given something beside their lists', () => {
    const listed = (ids: string[]) => ['100ms', ids];
    const rows = (ids: string[]) => ids.map((_, at) => ({ at: at + 1, isNew: true }));
    const replay = replayOf(sample(listed(['a']), rows(['a'])), sample(listed(['b', 'c']), rows(['b', 'c'])));
    expect(replay.answer('select', listed(['d', 'e', 'f'])).rows).toEqual(rows(['d', 'e', 'f']));
  });

  it('answers so where the rows came in another order, and are numbered', () => {
    const listed = (ids: string[]) => ['100ms', ids];
    const rows = (ids: string[]) => ids.map((id, at) => ({ at: at + 1, id, written: 1 }));
    const replay = replayOf(
      sample(listed(['a']), rows(['a'])),
      sample(listed(['b', 'c', 'd']), rows(['b', 'c', 'd']).toReversed()),
    );
    expect(replay.answer('select', listed(['e', 'f'])).rows).toEqual(rows(['e', 'f']));
  });

  // Each would be a floor that makes answers up.
  it.each([
    ['were only ever asked with others', [sample(['a'], [{ n: 1 }])]],
    ['nobody can tell the answer from', [sample(['a'], [{ n: 1 }]), sample(['b'], [{ n: 2 }])]],
    ['had another number of rows each time', [sample(['a'], []), sample(['b'], [{ n: 2 }])]],
  ])('fails on values that %s, and answers those that it knows', (_name, samples) => {
    const replay = replayOf(...samples);
    expect(() => replay.answer('select', ['c'])).toThrow(NotRecorded);
    expect(replay.answer('select', ['a']).rows).toEqual(samples[0]?.rows);
  });
});
