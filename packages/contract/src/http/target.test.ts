import { expect, it } from '@jest/globals';
import { targetOf } from './target.js';

const id = 'prm_01kb2w6r7hf0fvc1m1x3q8p0z5';

it.each([
  ['nothing to fill in', () => targetOf('prompt.list', undefined), '/api/v1/prompts'],
  ['a path', () => targetOf('version.get', { id, n: 3 }), `/api/v1/prompts/${id}/versions/3`],
  ['a file name', () => targetOf('root.get', { org: 'acme', n: 1 }), '/.well-known/bulla/acme/root/1.json'],
  [
    'a query',
    () => targetOf('prompt.find', undefined, { name: 'claims/triage' }),
    '/api/v1/prompts/by-name?name=claims%2Ftriage',
  ],
  [
    'no undefined members',
    () => targetOf('version.list', { id }, { limit: 5, cursor: undefined }),
    `/api/v1/prompts/${id}/versions?limit=5`,
  ],
  ['no way out of its place', () => targetOf('prompt.get', { id: '../x?y#z' }), '/api/v1/prompts/..%2Fx%3Fy%23z'],
])('writes %s', (_name, target, expected) => {
  expect(target()).toBe(expected);
});
