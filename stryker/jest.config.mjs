import { createRequire } from 'node:module';
import jestConfig from '../jest.config.mjs';
import { SWC } from '../scripts/jest/compile-source.mjs';
import { repository } from '../scripts/workspaces.mjs';

const { projects, testTimeout } = jestConfig;
const crypto = projects.find(({ displayName }) => displayName === 'crypto');

const swc = [
  // One of Stryker's packages here, which Jest would look for in those of the repository.
  createRequire(import.meta.url).resolve('@swc/jest'),
  { ...SWC, sourceMaps: 'inline' },
];

/**
 * The project `crypto` by itself. Which of its tests are run is said for each file that is mutated. Stryker loads every
 * mutant into the same process, so that modules must be evaluated for each test file: Jest's own runtime does.
 */
export default {
  rootDir: crypto.rootDir,
  testTimeout,
  testEnvironment: `${repository}/stryker/realm-environment.cjs`,
  // Workspaces' sources instead of their builds. Never add `import` or `default`: `require` would then load ESM.
  testEnvironmentOptions: { customExportConditions: ['bulla-source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  modulePathIgnorePatterns: crypto.modulePathIgnorePatterns,
  transform: { '^.+\\.ts$': swc },
  moduleNameMapper: {
    ...crypto.moduleNameMapper,
    // By its name the package would be that of the tree, which nobody mutates, and not the one of the copy.
    '^@bulla/crypto$': `${repository}/packages/crypto/src/index`,
    '^@bulla/crypto/(open|key-files|names|letters|http|log|testing)$': `${repository}/packages/crypto/src/$1`,
  },
};
