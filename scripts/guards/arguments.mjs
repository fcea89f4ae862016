import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { repository } from '../workspaces.mjs';

/**
 * What `npm run mutants` was asked for.
 * @typedef {object} Wanted
 * @property {readonly string[] | undefined} names of guards; all unless given
 * @property {readonly string[] | undefined} files of which guards or tests are wanted
 * @property {number} jobs
 * @property {boolean} write whether the page is kept
 */

/**
 * @param {readonly string[]} args
 * @returns {Wanted}
 * @throws {Error} with words for the person who typed it
 */
export function readArguments(args) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      changed: { type: 'boolean', default: false },
      jobs: { type: 'string', default: String(availableParallelism()) },
      write: { type: 'boolean', default: false },
    },
  });
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error('--jobs takes a number of processes, from 1');
  if (values.changed && positionals.length > 1) throw new Error('--changed takes one commit');
  const isWhole = !values.changed && positionals.length === 0;
  if (values.write && !isWhole) throw new Error('--write keeps the page of a whole run, without names and --changed');
  return {
    names: values.changed || isWhole ? undefined : positionals,
    files: values.changed ? changedSince(positionals[0] ?? 'HEAD') : undefined,
    jobs,
    write: values.write,
  };
}

/**
 * The guards that are wanted: those of changed tests too, which may not notice any more.
 * @param {import('./inventory.mjs').Inventory} inventory
 * @param {Wanted} wanted
 * @returns {import('./guards-in.mjs').Guard[]}
 * @throws {Error} for a name that no guard has
 */
export function chosenGuards({ guards, tags }, { names, files }) {
  const unknown = names?.filter((name) => !guards.some((guard) => guard.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no such guard: ${unknown.join(', ')}`);
  if (names !== undefined) return guards.filter(({ name }) => names.includes(name));
  if (files === undefined) return guards;
  const inChanged = ({ file }) => files.includes(file);
  const named = new Set(
    tags
      .filter(({ kind }) => kind === 'guard')
      .filter(inChanged)
      .map(({ name }) => name),
  );
  return guards.filter((guard) => inChanged(guard) || named.has(guard.name));
}

/** Files that differ from a commit, and those that git does not know yet. */
function changedSince(commit) {
  const git = (...args) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).split('\n').filter(Boolean);
  return [...git('diff', '--name-only', commit, '--'), ...git('ls-files', '--others', '--exclude-standard')];
}
