// Runs test files that its parent names, one after the other, and tells it what became of their tests: what a worker of
// Jest does, without Jest's command line and its map of the tree. The parent ends it.
import { fileURLToPath } from 'node:url';
import { jestPart } from './jest-parts.mjs';

const { default: TestRunner } = jestPart('jest-runner');
const testEnvironment = fileURLToPath(new URL('guard-environment.mjs', import.meta.url));

async function run({ path, config, globalConfig }) {
  const runner = new TestRunner(globalConfig, {});
  const answer = { tests: [], error: undefined };
  runner.on('test-file-success', ([, { testResults, failureMessage }]) => {
    answer.tests = testResults.map(({ fullName, status, failureMessages }) => ({ fullName, status, failureMessages }));
    if (testResults.length === 0) answer.error = failureMessage;
  });
  runner.on('test-file-failure', ([, error]) => void (answer.error = error.stack ?? error.message));
  const test = { path, context: { config: { ...config, testEnvironment } } };
  await runner.runTests([test], { isInterrupted: () => false }, { serial: true });
  process.send(answer);
}

process.on('message', (task) => void run(task));
