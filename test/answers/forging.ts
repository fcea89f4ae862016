import type { Verdict } from '@bulla/crypto';
import { Trust, verifyAnswer } from '@bulla/crypto';
import { randomFrom } from '@bulla/testkit';
import { drawForgery, fileOf } from './forgery.js';
import type { State } from './line.js';
import type { Stock } from './stock.js';
import { truthOf } from './truth.js';

/** What came of files. */
export interface Forged {
  /** Where the verdict was another than the truth, in words. */
  readonly found: string | undefined;
  /** How often which verdict was given, and which check failed. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface Forging {
  /** Says what a verdict comes to; a fault is planted by another. */
  readonly said?: (verdict: Verdict) => string;
  /** Told after each file. */
  readonly taken?: () => void;
}

/** Makes the files of these numbers, up to the first whose verdict is not the truth. */
export async function forgeAll(
  stock: Stock,
  seed: number,
  numbers: Iterable<number>,
  { said = ({ verdict }) => verdict, taken }: Forging = {},
): Promise<Forged> {
  const counts = new Map<string, number>();
  const count = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const remembered = new Map<State, Promise<Trust>>();
  for (const number of numbers) {
    const forgery = drawForgery(randomFrom(seed ^ Math.imul(number + 1, 0x9e3779b1)), stock);
    const { pin: line, now, newer } = forgery;
    const trust = newer && (remembered.get(newer) ?? trustOf(newer));
    if (newer !== undefined && trust !== undefined) remembered.set(newer, trust);
    const { pin } = line.organisation;
    const verdict = await verifyAnswer(fileOf(forgery), { pin, now, newer: await trust });
    const truth = truthOf(forgery);
    count(verdict.failure === undefined ? truth : `REFUSED: ${verdict.failure.code}/${verdict.failure.check}`);
    taken?.();
    if (said(verdict).startsWith(truth)) continue;
    const why = verdict.failure === undefined ? '' : ` (${verdict.failure.code}, check ${verdict.failure.check})`;
    const { checks } = verdict;
    const last = checks.at(-1)?.detail ?? '';
    return { found: `seed ${seed}, file ${number}: ${verdict.verdict}${why}, is ${truth}; ${last}`, counts };
  }
  return { found: undefined, counts };
}

/** What somebody trusts who was there then. */
function trustOf({ line, at, roots, policy, directory }: State): Promise<Trust> {
  const { org, pin } = line.organisation;
  const documents = { roots: roots.map(({ token }) => token), policy: policy.token, directory: directory.token };
  return Trust.establish(documents, { org, pin, now: at, acceptExpired: true });
}
