import { CONTROL } from './marks.mjs';
import { tagOf } from './tags.mjs';

/**
 * What became of the tests that must notice a missing guard.
 * - `killed`: one failed, and by an assertion of its own
 * - `survived`: all passed, so nothing would notice
 * - `broken`: anything else, such as a file that no longer parses, a test that is not there or a time-out: shows nothing
 * @typedef {{ verdict: 'killed' | 'survived' | 'broken', detail: string }} Outcome
 */

/**
 * @param {import('./test-runs.mjs').FileResult} result
 * @param {string} name of the guard
 * @returns {Outcome}
 */
export function verdictOf({ tests, error }, name) {
  const named = testsOf(tests, name);
  const failed = named.filter(({ status }) => status === 'failed').map(messageOf);
  const noticed = failed.find(isAssertion);
  if (noticed !== undefined) return { verdict: 'killed', detail: firstLine(noticed) };
  if (failed.length > 0) return { verdict: 'broken', detail: firstLine(failed[0]) };
  if (named.some(({ status }) => status === 'passed')) return { verdict: 'survived', detail: '' };
  const status = named[0] && `the test is ${named[0].status}`;
  return { verdict: 'broken', detail: firstLine(error ?? status ?? 'no test has this name') };
}

/** The tests that are named for a guard. */
export function testsOf(tests, name) {
  return tests.filter(({ fullName }) => fullName.includes(tagOf('guard', name)));
}

/**
 * Whether a guard became what it must: noticed when it is gone, and the control not at all.
 * @param {string} name
 * @param {Pick<Outcome, 'verdict'>} outcome
 */
export function isAsItMust(name, { verdict }) {
  return verdict === (name === CONTROL ? 'survived' : 'killed');
}

/**
 * The last line of a run.
 * @param {ReadonlyMap<string, Outcome>} outcomes by the guard's name
 * @param {number} seconds
 */
export function closingLine(outcomes, seconds) {
  const verdicts = [...outcomes].filter(([name]) => name !== CONTROL).map(([, { verdict }]) => verdict);
  const count = (wanted) => verdicts.filter((verdict) => verdict === wanted).length;
  const counts = ['killed', 'survived', 'broken'].map((verdict) => `${count(verdict)} ${verdict}`).join(', ');
  const control = outcomes.get(CONTROL)?.verdict;
  const said = control === 'survived' ? 'survived, as it must' : `did not survive: ${control}`;
  const line = `${verdicts.length} guards: ${counts}${control === undefined ? '' : `; the control ${said}`}`;
  return `${line}; ${seconds.toFixed(0)} seconds`;
}

function messageOf({ failureMessages }) {
  return failureMessages.join('\n');
}

/** Jest's matchers begin with the call that failed; any other thrown error is not an assertion. */
function isAssertion(message) {
  return /\bexpect\(/.test(message);
}

function firstLine(text) {
  return text.trim().split('\n', 1)[0] ?? '';
}
