import { ModernFakeTimers } from '@jest/fake-timers';
import { ModuleMocker } from 'jest-mock';

/** Jest environment: tests run in the process's own realm, as the product does. What a file changed there is put back. */
export default class NativeEnvironment {
  global = globalThis;
  moduleMocker = new ModuleMocker(globalThis);
  fakeTimers = null;
  #console = globalThis.console;
  #exit = Object.getOwnPropertyDescriptor(process, 'exit');

  constructor({ projectConfig }) {
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
  }

  async setup() {}

  async teardown() {
    this.moduleMocker.restoreAllMocks();
    this.fakeTimersModern.dispose();
    // Jest replaces both for each file, on top of the file before.
    globalThis.console = this.#console;
    Object.defineProperty(process, 'exit', this.#exit);
  }

  getVmContext() {
    return null;
  }

  exportConditions() {
    return [];
  }
}
