import NativeEnvironment from '../jest/native-environment.mjs';

/** No test has it. */
const NONE = /(?!)/;

/** Jest environment of tests without a guard: once one has noticed, the others have nothing to add. */
export default class GuardEnvironment extends NativeEnvironment {
  constructor(config, context) {
    super(config, context);
    // Jest calls every process that runs tests in itself the first one, and they would take each other's ports.
    process.env.JEST_WORKER_ID = process.env.BULLA_GUARD_WORKER;
  }

  handleTestEvent(event, state) {
    if (event.name !== 'test_done' || process.env.BULLA_GUARD_SOURCE === undefined) return;
    const noticed = event.test.errors.flat().some((error) => /\bexpect\(/.test(String(error?.message ?? error)));
    if (noticed) state.testNamePattern = NONE;
  }
}
