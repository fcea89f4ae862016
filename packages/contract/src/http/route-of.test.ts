import { describe, expect, it } from '@jest/globals';
import { routeOf } from './route-of.js';
import { ROUTES } from '../routes.js';

describe('the route of a request', () => {
  it.each(Object.entries(ROUTES).map(([name, { method, path }]) => [name, method, path] as const))(
    'is found: %s',
    (name, method, path) => expect(routeOf(method, path.replaceAll(/\{[a-z]+\}/g, '7'))?.name).toBe(name),
  );

  it('says what fills its braces', () => {
    expect(routeOf('GET', '/.well-known/bulla/dev/root/3.json')).toEqual({
      name: 'root.get',
      params: { org: 'dev', n: '3' },
    });
    expect(routeOf('PUT', '/api/v1/prompts/prm_1/labels/a%20b')?.params).toEqual({ id: 'prm_1', label: 'a b' });
    expect(routeOf('PUT', '/api/v1/prompts/prm_1/labels/%')?.params).toEqual({ id: 'prm_1', label: '%' });
  });

  it.each([
    ['POST', '/api/v1/prompts/by-name'],
    ['GET', '/api/v1/prompts/'],
    ['GET', '/api/v1/nothing'],
    ['PATCH', '/api/v1/prompts'],
    ['GET', ''],
  ])('is none for %s %s', (method, path) => expect(routeOf(method, path)).toBeUndefined());
});
