import { isDeepStrictEqual } from 'node:util';
import type { Outcome, Peer } from './protocol.js';
import type { Crossing, Expected, Vector } from './vectors.js';

/** How far honest clocks are apart (docs/spec/statement.md). */
const CLOCK_SKEW_SECONDS = 60;

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
    if (!('ok' in sealed)) {
      results.push({ id, format, name, ...judge(sealed, { ok }) });
      continue;
    }
    const { clock, ...made } = sealed.ok;
    const outcome = await opener.ask('open', format, { ...open, ...made });
    results.push({
      id,
      format,
      name,
      ...judge(outcome, { ok: clock === true ? { ...ok, ...datedNow(outcome) } : ok }),
    });
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

/** What a sealer that goes by its own clock may write for a time: now, by the clocks that the protocol allows. */
function datedNow(outcome: Outcome): { at: unknown } {
  const at = 'ok' in outcome ? outcome.ok['at'] : undefined;
  const now = Math.floor(Date.now() / 1000);
  return { at: typeof at === 'number' && Math.abs(at - now) <= CLOCK_SKEW_SECONDS ? at : now };
}

/** A check is compared where both name one: the code is what all have to agree about. */
function judge(outcome: Outcome, expected: Expected): Pick<Result, 'status' | 'why'> {
  if ('unsupported' in outcome) return { status: 'unsupported' };
  const isRight =
    'refused' in expected
      ? 'refused' in outcome &&
        outcome.refused === expected.refused &&
        (outcome.check ?? expected.check) === (expected.check ?? outcome.check)
      : 'ok' in outcome && isDeepStrictEqual(outcome.ok, expected.ok);
  if (isRight) return { status: 'passed' };
  return { status: 'failed', why: `${JSON.stringify(outcome)} instead of ${JSON.stringify(expected)}` };
}
