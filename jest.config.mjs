import { coverageSources } from './scripts/coverage-sources.mjs';
import { repository, workspaces } from './scripts/workspaces.mjs';

const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, verbatimModuleSyntax: true },
      keepClassNames: true,
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  },
];

const project = {
  testEnvironment: `${repository}/scripts/jest-environment.cjs`,
  // Workspaces' sources instead of their builds. Never add `import` or `default`: `require` would then load ESM.
  testEnvironmentOptions: { customExportConditions: ['bulla-source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/(.*/)?(dist|coverage)/'],
  transform: { '^.+\\.ts$': swc },
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
  reporters: ['default', '<rootDir>/scripts/closing-line.mjs'],
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcovonly', ['text', { skipFull: true }]],
  collectCoverageFrom: coverageSources(),
};
