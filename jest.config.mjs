import { ALONE } from './scripts/jest/alone.mjs';
import { repository, workspaces } from './scripts/workspaces.mjs';

const project = {
  runtime: `${repository}/scripts/jest/native-runtime.mjs`,
  testEnvironment: `${repository}/scripts/jest/native-environment.mjs`,
  // For what looks for the tests of a source; Node itself finds sources by source-loader.mjs.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/(.*/)?(dist|coverage)/'],
  transform: {},
};

/** Workspaces whose tests open no database: nothing is prepared for a run of these alone. */
const WITHOUT_DATABASES = [
  'packages/client',
  'packages/conformance',
  'packages/contract',
  'packages/crypto',
  'packages/mcp',
  'packages/proxy',
  'packages/testkit',
];
const databases = {
  globalSetup: `${repository}/scripts/jest/global-setup.mjs`,
  globalTeardown: `${repository}/scripts/jest/global-teardown.mjs`,
};

/** Tests across workspaces, and of what is measured. */
const across = { ...project, ...databases, rootDir: repository, roots: ['<rootDir>/test', '<rootDir>/bench'] };

export default {
  projects: [
    ...workspaces().map(({ name, folder }) => ({
      ...project,
      ...(WITHOUT_DATABASES.includes(folder) ? {} : databases),
      displayName: name,
      rootDir: `${repository}/${folder}`,
      testMatch: ['<rootDir>/src/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
    })),
    {
      ...across,
      displayName: 'test',
      testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/bench/*.test.ts', '<rootDir>/bench/*/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/apps/', ...ALONE],
    },
    { ...across, displayName: 'alone', testRegex: ALONE },
    // `npm run test:apps` alone: other people's SDKs are installed for it.
    { ...across, displayName: 'apps', testMatch: ['<rootDir>/test/apps/*.test.ts'] },
  ],
  maxWorkers: 2,
  // A hang ends some day; a machine that is busy or slow is no failure.
  testTimeout: 180_000,
  testSequencer: `${repository}/scripts/jest/sequencer.mjs`,
  reporters: ['default', `${repository}/scripts/jest/tell-parent.mjs`],
};
