// Jest runs tests in a vm realm of its own, while Node's errors and clones come from the outer one.
// Without this, `fs` rejections are not instanceof Error and structuredClone([]) is not instanceof Array.
const { TestEnvironment } = require('jest-environment-node');

const CLASSES = ['Error', 'TypeError', 'RangeError', 'Array', 'Object', 'Promise'];

module.exports = class RealmEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of CLASSES) acceptOuterInstances(this.global[name], globalThis[name]);
  }
};

/** Makes `value instanceof inner` true for instances of the outer realm's class too; subclasses keep their own check. */
function acceptOuterInstances(inner, outer) {
  const isInstance = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(inner, Symbol.hasInstance, {
    configurable: true,
    value(candidate) {
      return isInstance.call(this, candidate) || (this === inner && isInstance.call(outer, candidate));
    },
  });
}
