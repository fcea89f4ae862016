import { repository } from '../scripts/workspaces.mjs';
import jestConfig from '../jest.config.mjs';

const { projects, testTimeout } = jestConfig;
const crypto = projects.find(({ displayName }) => displayName === 'crypto');

/** The project `crypto` by itself. Which of its tests are run is said for each file that is mutated. */
export default {
  ...crypto,
  testTimeout,
  moduleNameMapper: {
    ...crypto.moduleNameMapper,
    // By its name the package would be that of the tree, which nobody mutates, and not the one of the copy.
    '^@bulla/crypto$': `${repository}/packages/crypto/src/index`,
    '^@bulla/crypto/(open|testing)$': `${repository}/packages/crypto/src/$1`,
  },
};
