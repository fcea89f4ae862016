import jestConfig from '../../../jest.config.mjs';
import { repository } from '../../../scripts/workspaces.mjs';

const { testPathIgnorePatterns: _all, ...across } = jestConfig.projects.find(
  ({ displayName }) => displayName === 'test',
);

/** As the tests across workspaces run, but what is planted here. */
export default {
  ...jestConfig,
  rootDir: repository,
  projects: [{ ...across, displayName: 'planted', testMatch: ['<rootDir>/test/days/planted/*.ts'] }],
};
