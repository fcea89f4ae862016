import { mkdirSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { repository } from '../workspaces.mjs';

/** Where the last run of every test left its table. */
export const SECONDS_FILE = `${repository}/.cache/file-seconds.txt`;

/** Jest reporter: at the end of a run, the seconds that each test file took, slowest first. */
export default class FileSeconds {
  onRunComplete(_contexts, results) {
    const files = results.testResults.map(({ testFilePath, perfStats }) => ({
      file: relative(repository, testFilePath),
      seconds: (perfStats.end - perfStats.start) / 1000,
    }));
    const table = secondsTable(files, (Date.now() - results.startTime) / 1000);
    mkdirSync(`${repository}/.cache`, { recursive: true });
    writeFileSync(SECONDS_FILE, table);
    process.stdout.write(`\n${table}`);
  }
}

/**
 * The table itself.
 * @param {readonly { file: string, seconds: number }[]} files
 * @param {number} wallSeconds of the whole run; the files of several workers add up to more
 */
export function secondsTable(files, wallSeconds) {
  const slowestFirst = files.toSorted((one, other) => other.seconds - one.seconds);
  const sum = files.reduce((total, { seconds }) => total + seconds, 0);
  return [
    `${files.length} test files, ${sum.toFixed(0)} seconds together, ${wallSeconds.toFixed(0)} seconds by the clock`,
    ...slowestFirst.map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)}  ${file}`),
    '',
  ].join('\n');
}
