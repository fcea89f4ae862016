import { isDeepStrictEqual } from 'node:util';
import type { Outcome, Peer } from './protocol.js';
import type { Crossing, Expected, Vector } from './vectors.js';

export interface Result {
  readonly id: string;
  readonly format: string;
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'unsupported';
  /** What came and what should have, where it failed. */
  readonly why?: string;
}

/** Puts every vector to an implementation. */
export async function tryVectors(peer: Peer, vectors: readonly Vector[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const { id, format, op, name, input, expected } of vectors) {
    const outcome = await peer.ask(op, format, input);
    results.push({ id, format, name, ...judge(outcome, expected) });
  }
  return results;
}

/** Has one implementation seal and another one open. */
export async function tryCrossings(sealer: Peer, opener: Peer, crossings: readonly Crossing[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const { id, format, name, seal, open, ok } of crossings) {
    const sealed = await sealer.ask('seal', format, seal);
    const outcome = 'ok' in sealed ? await opener.ask('open', format, { ...open, ...sealed.ok }) : sealed;
    results.push({ id, format, name, ...judge(outcome, { ok }) });
  }
  return results;
}

/** One line for each failure and one for each format, with what the implementation does not have in words. */
export function reportOf(results: readonly Result[]): string {
  const failures = results.filter(({ status }) => status === 'failed');
  const lines = failures.map(({ id, name, why }) => `FAILED ${id} ${name}: ${why}`);
  for (const format of new Set(results.map((result) => result.format))) {
    const of = results.filter((result) => result.format === format);
    const count = (status: Result['status']) => of.filter((result) => result.status === status).length;
    lines.push(`${format}: ${count('passed')} passed, ${count('failed')} failed, ${count('unsupported')} unsupported`);
  }
  return `${lines.join('\n')}\n`;
}

/** A check is compared where the implementation names one: the code is what all have to agree about. */
function judge(outcome: Outcome, expected: Expected): Pick<Result, 'status' | 'why'> {
  if ('unsupported' in outcome) return { status: 'unsupported' };
  const isRight =
    'refused' in expected
      ? 'refused' in outcome &&
        outcome.refused === expected.refused &&
        (outcome.check === undefined || outcome.check === expected.check)
      : 'ok' in outcome && isDeepStrictEqual(outcome.ok, expected.ok);
  if (isRight) return { status: 'passed' };
  return { status: 'failed', why: `${JSON.stringify(outcome)} instead of ${JSON.stringify(expected)}` };
}
