import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { TrustMemory } from '@bulla/crypto';
import { CryptoError, demandsOf, documentsAfter, isComplete, judgeProposal, parseProposal } from '@bulla/crypto';
import { readVectors } from './vectors.js';

interface Vectors {
  readonly now: number;
  readonly org: string;
  readonly pin: string;
  readonly cases: readonly {
    readonly name: string;
    /** `valid`, `complete` where nothing is missing either, or the code of the refusal. */
    readonly result: string;
    readonly check?: string;
    readonly now?: number;
    readonly memory?: TrustMemory;
    readonly text: string;
  }[];
}

const { cases, ...place } = readVectors('golden/proposal.json') as Vectors;

/** How a case ends: `valid`, `complete`, or its code and check. */
async function outcome({ text, now = place.now, memory }: Vectors['cases'][number]): Promise<object> {
  try {
    const { org, pin } = place;
    const judged = await judgeProposal(await parseProposal(text), { org, pin, now, previous: memory });
    if (!isComplete(await demandsOf(judged))) return { result: 'valid' };
    await documentsAfter(judged, now);
    return { result: 'complete' };
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return { result: error.code, ...(error.check !== undefined && { check: error.check }) };
  }
}

describe('golden proposals', () => {
  it.each(cases)('$name: $result', async (one) => {
    const { result, check } = one;
    expect(await outcome(one)).toEqual({ result, ...(check !== undefined && { check }) });
  });

  it('have one for each refusal that docs/spec/proposal.md lists, and it lists each of them', () => {
    const text = readFileSync(new URL('../../../docs/spec/proposal.md', import.meta.url), 'utf8');
    const listed = [...text.matchAll(/^\| \d+ \| `(\w+)` \| `([\w-]+)` \|/gm)].map(
      ([, code, check]) => `${code} ${check}`,
    );
    const held = cases
      .filter(({ check }) => check?.startsWith('proposal-'))
      .map(({ result, check }) => `${result} ${check}`);
    expect(new Set(listed)).toEqual(new Set(held));
  });
});
