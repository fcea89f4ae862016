import { expect } from '@jest/globals';
import { readModels } from '../src/models/file/models-file.js';

/** A file without a mistake. */
export const GOOD = `# Models of the claims team.
upstreams:
  local:
    url: http://127.0.0.1:11434/v1/
  cloud:
    url: https://api.example/v1
    key_file: keys/cloud
    timeout_ms: 60000
models:
  small: {upstream: local, name: llama3.2}
  large: {upstream: cloud}
  7: {upstream: builtin:extract}
aliases:
  fast: small
  faster: fast
default: faster
`;
/** Its mistakes: line, column and what was expected. */
export const said = (text: string) =>
  readModels(text).mistakes.map(({ line, column, what }) => `${line}:${column} ${what}`);
/** The good file with one piece of it changed. */
export const changed = (from: string, to: string) => {
  expect(GOOD).toContain(from);
  return said(GOOD.replace(from, () => to));
};
