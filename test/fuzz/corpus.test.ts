import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { INPUT_BYTES_MAX } from '../../fuzz/jazzer.mjs';
import { targetNames, targetOf } from '../../fuzz/targets.mjs';
import { repository } from '../../scripts/workspaces.mjs';

interface Target {
  /** Whether a parser accepted the input; what it must not do, it throws. */
  readonly fuzz: (input: Uint8Array) => boolean | Promise<boolean>;
}

/** What these are given is by somebody without the key, so that accepting it would be the fault. */
const NEVER_ACCEPT = ['inner-letter', 'merkle-proof', 'response-signature'];

const load = async (name: string) => (await import(`../../fuzz/targets/${name}.js`)) as Target;
const filesOf = (name: string) => readdirSync(targetOf(name).corpus).map((file) => join(targetOf(name).corpus, file));

describe('the corpus of', () => {
  it.each(targetNames())('%s passes, file by file, and not all of it is refused', async (name) => {
    const { fuzz } = await load(name);
    const outcomes: { file: string; outcome: unknown }[] = [];
    for (const file of filesOf(name)) {
      const outcome = await outcomeOf(() => fuzz(readFileSync(file)));
      outcomes.push({ file: file.slice(repository.length + 1), outcome });
    }
    expect(outcomes.length).toBeGreaterThan(0);
    expect(outcomes.filter(({ outcome }) => typeof outcome !== 'boolean')).toEqual([]);
    expect(outcomes.some(({ outcome }) => outcome === true)).toBe(!NEVER_ACCEPT.includes(name));
  });
});

describe('the corpus', () => {
  it('is of targets that are there', () => {
    expect(readdirSync(`${repository}/fuzz/corpus`).toSorted()).toEqual(targetNames().toSorted());
    expect(targetNames().length).toBeGreaterThan(20);
  });

  it('is small', () => {
    const sizes = targetNames().flatMap((name) => filesOf(name).map((file) => statSync(file).size));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(INPUT_BYTES_MAX);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2 * 1024 * 1024);
  });
});

async function outcomeOf(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error;
  }
}
