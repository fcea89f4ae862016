import { createRequire } from 'node:module';

/** A package that Jest is made of: it belongs to Jest and is not declared here. */
export function jestPart(name) {
  const jest = createRequire(import.meta.url).resolve('jest');
  return createRequire(createRequire(jest).resolve('@jest/core'))(name);
}
