// `npm run check`: what one wants to know before a commit. Type check, linter, import table and format of the whole tree,
// and beside them the tests whose workspace's files lead to what changed. Changed is what git sees changed here, or else
// the last commit; `-- <commit>` takes all since that commit.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { checkHouse } from './house.mjs';
import { runJest } from './testing/jest-run.mjs';
import { closingLine, TestRecord } from './testing/record.mjs';
import { repository } from './workspaces.mjs';

const FILE_MINUTES_MAX = 5;
const TESTED = /^(packages|services|test|bench|scripts)\/.*\.(ts|mjs|cjs)$/;

const record = new TestRecord();
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopped.abort());

const files = changedFiles(process.argv[2]).filter((file) => TESTED.test(file) && existsSync(`${repository}/${file}`));
console.log(`changed: ${files.length === 0 ? 'nothing that has tests' : files.join(' ')}\n`);
const house = checkHouse({ signal: stopped.signal });
const code = files.length === 0 ? 0 : await runJest(related(files), how());
for (const check of await house) record.noteCheck(check);

console.log(['', ...record.troubles()].join('\n'));
process.exitCode = code !== 0 || record.troubles().length > 0 || stopped.signal.aborted ? 1 : 0;
console.log(closingLine(record.counts(), process.exitCode));

function changedFiles(since) {
  if (since !== undefined) return [...git('diff', '--name-only', since), ...untracked()];
  const now = [...git('diff', '--name-only', 'HEAD'), ...untracked()];
  return now.length > 0 ? now : git('diff', '--name-only', 'HEAD~1');
}

function untracked() {
  return git('ls-files', '--others', '--exclude-standard');
}

function git(...args) {
  return execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).split('\n').filter(Boolean);
}

function related(changed) {
  // Other people's apps are installed by `npm run test:apps`, which runs them.
  return ['--passWithNoTests', '--ignoreProjects', 'apps', '--findRelatedTests', ...changed];
}

function how() {
  return { record, environment: process.env, fileMinutesMax: FILE_MINUTES_MAX, signal: stopped.signal };
}
