import { coverageSources } from './scripts/coverage-sources.mjs';
import { repository, workspaces } from './scripts/workspaces.mjs';

const project = {
  runtime: `${repository}/scripts/jest/native-runtime.cjs`,
  testEnvironment: `${repository}/scripts/jest/native-environment.cjs`,
  // For what looks for the tests of a source; Node itself finds sources by source-loader.mjs.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/(.*/)?(dist|coverage)/'],
  transform: {},
};

export default {
  projects: [
    ...workspaces().map(({ name, folder }) => ({
      ...project,
      displayName: name,
      rootDir: `${repository}/${folder}`,
      testMatch: ['<rootDir>/src/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
    })),
    {
      ...project,
      displayName: 'test',
      rootDir: repository,
      // The workspaces are roots too: that way the coverage report also sees one that has no test at all.
      roots: ['test', 'bench', 'packages', 'services'].map((folder) => `<rootDir>/${folder}`),
      testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/bench/*.test.ts', '<rootDir>/bench/crypto/*.test.ts'],
    },
  ],
  maxWorkers: 2,
  // A hang ends some day; a machine that is busy or slow is no failure.
  testTimeout: 180_000,
  reporters: ['default', '<rootDir>/scripts/jest/file-seconds.mjs', '<rootDir>/scripts/jest/closing-line.mjs'],
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcovonly', ['text', { skipFull: true }]],
  collectCoverageFrom: coverageSources(),
};
