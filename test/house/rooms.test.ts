import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { repository, workspaces } from '../../scripts/workspaces.mjs';

/** As many files as a person sees at once. */
const FILES_MAX = 25;

const sources = workspaces().flatMap(({ folder }) =>
  readdirSync(`${repository}/${folder}/src`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `${folder}/src/${name}`),
);

/** How many of the files each folder holds, the fullest first. */
function fullest(files: readonly string[]): [folder: string, count: number][] {
  const counts = new Map<string, number>();
  for (const folder of files.map(dirname)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  return [...counts].toSorted(([, one], [, other]) => other - one);
}

const crowded = (files: readonly string[]) => fullest(files).filter(([, count]) => count > FILES_MAX);

describe('a room', () => {
  it(`holds no more than ${FILES_MAX} sources beside their tests`, () => {
    const [first = ['', 0], ...others] = fullest(sources);
    process.stderr.write(`rooms: ${[first, ...others.slice(0, 4)].map((room) => room.join(' ')).join(', ')}\n`);
    // The control: something was counted.
    expect(first[1]).toBeGreaterThan(10);
    expect(crowded(sources)).toEqual([]);
  });

  it('that holds one more is found', () => {
    const planted = Array.from(
      { length: FILES_MAX + 1 },
      (_, number) => `packages/crypto/src/run/planted-${number}.ts`,
    );
    expect(crowded([...sources.filter((file) => !file.includes('/run/')), ...planted])).toEqual([
      ['packages/crypto/src/run', FILES_MAX + 1],
    ]);
  });
});
