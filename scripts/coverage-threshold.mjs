import { workspaces } from './workspaces.mjs';

/**
 * The coverage gate, one entry per workspace: Jest adds up all files below a path key.
 * Decorated lines carry branches that no source has (V8 sees the emitted metadata), hence the lower bound in services.
 * @returns {Record<string, { lines: number, functions: number, statements: number, branches: number }>}
 */
export function coverageThreshold() {
  return Object.fromEntries(
    workspaces().map(({ folder, group }) => [
      `./${folder}/src/`,
      { lines: 90, functions: 90, statements: 90, branches: group === 'services' ? 85 : 90 },
    ]),
  );
}
