/** Options of Jest that change how the tests run or are shown, but not which. */
const HOW_ONLY =
  /^--(ci|verbose|silent|colors|no-colors|no-cache|detectOpenHandles|randomize|(maxWorkers|seed|testTimeout)=.+)$/;

/** Projects of no workspace; `npm run test:apps` runs the last one. */
const ACROSS = ['test', 'alone', 'apps'];

/** Tests wait for databases, processes, pauses and time-outs: on two cores a third file has room beside two. */
const WAITING_WORKERS = '--maxWorkers=3';

/**
 * Whether these arguments let every test run. An option that is not known here counts as a selection.
 * @param {readonly string[]} jestArguments
 */
export function isWholeSuite(jestArguments) {
  return jestArguments.every((argument) => HOW_ONLY.test(argument));
}

/**
 * The parts of a whole run (all but other people's apps), one after the other: the workspaces' own tests, where coverage is counted; tests across
 * workspaces; and those that need the machine to themselves, one file at a time.
 * @param {readonly string[]} projects names of all projects in jest.config.mjs
 * @param {readonly string[]} [jestArguments] of the whole run: workers that were asked for count
 * @returns {{ name: string, args: string[], coverage: boolean }[]}
 */
export function tiers(projects, jestArguments = []) {
  const workspaces = projects.filter((name) => !ACROSS.includes(name));
  const workers = jestArguments.some((argument) => argument.startsWith('--maxWorkers=')) ? [] : [WAITING_WORKERS];
  return [
    { name: 'the tests of each workspace', args: ['--selectProjects', ...workspaces, ...workers], coverage: true },
    { name: 'the tests across workspaces', args: ['--selectProjects', 'test', ...workers], coverage: false },
    {
      name: 'the tests that have the machine to themselves',
      args: ['--selectProjects', 'alone', '--runInBand'],
      coverage: false,
    },
  ];
}
