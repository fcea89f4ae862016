/** Options of Jest that change how the tests run or are shown, but not which. */
const SHOWS_ONLY =
  /^--(ci|verbose|silent|colors|no-colors|no-cache|detectOpenHandles|(maxWorkers|seed|testTimeout)=.+)$/;

/**
 * Whether these arguments let every test run. An option that is not known here counts as a selection.
 * @param {readonly string[]} jestArguments
 */
export function isWholeSuite(jestArguments) {
  return jestArguments.every((argument) => SHOWS_ONLY.test(argument));
}
