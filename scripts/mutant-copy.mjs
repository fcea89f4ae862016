import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceFiles } from './source-files.mjs';
import { repository, workspaces } from './workspaces.mjs';

/** Longest run of one test file; a guard that is gone may leave somebody waiting. */
const RUN_TIMEOUT_MS = 180_000;

/** A copy of the working tree where guards are removed and tests are run; the tree itself is never touched. */
export class MutantCopy {
  #folder = mkdtempSync(join(tmpdir(), 'bulla-mutants-'));
  #running;

  constructor() {
    for (const file of sourceFiles()) cpSync(join(repository, file), this.#path(file), { recursive: true });
    linkPackages('node_modules', this.#folder);
    for (const { folder } of workspaces()) linkPackages(`${folder}/node_modules`, this.#folder);
    // The workspaces themselves are those of the copy: npm's links would lead back to the unchanged ones.
    mkdirSync(this.#path('node_modules/@bulla'));
    for (const { name, folder } of workspaces())
      symlinkSync(this.#path(folder), this.#path(`node_modules/@bulla/${name}`));
  }

  /**
   * Runs tests of one file, by their full names.
   * @param {{ project: string, file: string }} test
   * @param {readonly string[]} names
   * @returns {Promise<object | undefined>} Jest's JSON report; undefined if it wrote none
   */
  async run({ project, file }, names) {
    const report = this.#path('.cache/report.json');
    rmSync(report, { force: true });
    const pattern = `^(?:${names.map(escapePattern).join('|')})$`;
    const jest = [
      this.#path('node_modules/jest/bin/jest.js'),
      `--selectProjects=${project}`,
      `--testNamePattern=${pattern}`,
      `--outputFile=${report}`,
      `--cacheDirectory=${this.#path('.cache/jest')}`,
      '--json',
      '--maxWorkers=1',
      '--runTestsByPath',
      file,
    ];
    const env = { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --no-warnings', NO_COLOR: '1' };
    await new Promise((resolve, reject) => {
      this.#running = spawn(process.execPath, jest, {
        cwd: this.#folder,
        env,
        stdio: 'ignore',
        timeout: RUN_TIMEOUT_MS,
        killSignal: 'SIGKILL',
      });
      this.#running.on('error', reject).on('close', resolve);
    });
    return existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
  }

  /**
   * Runs one test with a guard removed, and puts the guard back.
   * @param {{ guard: { file: string, find: string, replace: string }, test: { project: string, file: string, name: string } }} mutant
   * @throws {Error} unless what is to be replaced stands once in its file
   */
  async runMutant({ guard, test }) {
    const path = this.#path(guard.file);
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, mutated(whole, guard));
    try {
      return await this.run(test, [test.name]);
    } finally {
      writeFileSync(path, whole);
    }
  }

  /** Stops what is running and removes the copy. */
  remove() {
    this.#running?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(file) {
    return join(this.#folder, file);
  }
}

/**
 * The text of a file without its guard.
 * @throws {Error} unless what is to be replaced stands exactly once
 */
export function mutated(text, { file, find, replace }) {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`${file}: stands ${count} times and not once: ${find}`);
  return text.replace(find, () => replace);
}

/** Links to every package of a folder of the repository but the workspaces. */
function linkPackages(modules, folder) {
  const from = join(repository, modules);
  if (!existsSync(from)) return;
  mkdirSync(join(folder, modules), { recursive: true });
  for (const name of readdirSync(from)) {
    if (name !== '@bulla') symlinkSync(join(from, name), join(folder, modules, name));
  }
}

function escapePattern(text) {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
}
