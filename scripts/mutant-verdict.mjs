import { createHash } from 'node:crypto';

/**
 * What became of the test that must notice a missing guard.
 * - `killed`: it failed, and by an assertion of its own
 * - `survived`: it passed, so nothing would notice
 * - `broken`: anything else, such as a file that no longer parses, a test that is not there or a time-out: shows nothing
 * @param {object | undefined} report Jest's JSON report
 * @param {string} name full name of the test
 * @returns {{ verdict: 'killed' | 'survived' | 'broken', detail: string }}
 */
export function verdictOf(report, name) {
  const files = report?.testResults ?? [];
  const test = files.flatMap(({ assertionResults }) => assertionResults).find(({ fullName }) => fullName === name);
  if (test === undefined) return { verdict: 'broken', detail: firstLine(files[0]?.message ?? 'no report') };
  if (test.status === 'passed') return { verdict: 'survived', detail: '' };
  if (test.status !== 'failed') return { verdict: 'broken', detail: `the test is ${test.status}` };
  const said = test.failureMessages.join('\n');
  // Jest's matchers begin with the call that failed; whatever else is thrown is no assertion.
  return { verdict: /\bexpect\(/.test(said) ? 'killed' : 'broken', detail: firstLine(said) };
}

function firstLine(text) {
  return text.trim().split('\n', 1)[0] ?? '';
}

/**
 * Tells a mutant from what it was before somebody changed it: an outcome belongs to one guard and one test.
 * @param {{ guard: object, test: object }} mutant
 * @returns {string} 8 hexadecimal digits
 */
export function fingerprintOf({ guard, test }) {
  return createHash('sha256')
    .update(JSON.stringify([guard, test]))
    .digest('hex')
    .slice(0, 8);
}

/**
 * The outcomes that a page of test/mutants.md states.
 * @param {string} page
 * @returns {Map<string, { fingerprint: string, verdict: string }>} by the id of the mutant
 */
export function outcomesOn(page) {
  const rows = page.matchAll(/^\| `([a-z0-9-]+)` \|.*\| (\w+) `([0-9a-f]{8})` \|$/gm);
  return new Map([...rows].map(([, id, verdict, fingerprint]) => [id, { verdict, fingerprint }]));
}
