import { describe, expect, it } from '@jest/globals';
import { cellsOf, keyOf } from './measure.js';

describe('what is measured', () => {
  const cells = cellsOf(['letter', 'jose']);

  it('is every size, both ways, one and many at once, and no cell twice', () => {
    const keys = cells.map(keyOf);
    expect(keys).toEqual(expect.arrayContaining(['letter seal 1024 1', 'jose open 65536 16', 'letter answer 1024 16']));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter((key) => key.startsWith('jose'))).toHaveLength(3 * 2 * 2);
  });

  it('comes after what it is compared with', () => {
    const before = cells.flatMap(({ name }, at) => (name === 'jose' ? [cells[at - 1]] : []));
    expect(before).toEqual(cells.filter(({ name }) => name === 'jose').map((cell) => ({ ...cell, name: 'letter' })));
  });

  it('is answered by ours alone', () => {
    const answering = cells.filter(({ operation }) => operation === 'answer').map(({ name }) => name);
    expect(new Set(answering)).toEqual(new Set(['letter']));
  });
});
