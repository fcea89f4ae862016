// What `@jest/globals` is to test files and to the modules they share, which are imported once for many test files:
// each name stands for the one of the file that runs now.
const GLOBALS = Symbol.for('bulla.jest-globals');

/** @param {string} name */
function current(name) {
  const globals = globalThis[GLOBALS];
  if (globals === undefined) throw new Error(`'${name}' of @jest/globals is there only while a test file runs.`);
  return globals[name];
}

/** @param {string} name */
function standIn(name) {
  return new Proxy(function () {}, {
    apply: (_target, _self, args) => current(name)(...args),
    get: (_target, key) => current(name)[key],
  });
}

export const afterAll = standIn('afterAll');
export const afterEach = standIn('afterEach');
export const beforeAll = standIn('beforeAll');
export const beforeEach = standIn('beforeEach');
export const describe = standIn('describe');
export const expect = standIn('expect');
export const it = standIn('it');
export const jest = standIn('jest');
export const test = standIn('test');
