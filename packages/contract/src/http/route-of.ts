import type { RouteName } from './route-call.js';
import type { Route } from './route.js';
import { ROUTES } from '../routes.js';

/** A route, and what fills the braces of its path. */
export interface FoundRoute {
  readonly name: RouteName;
  readonly params: Readonly<Record<string, string>>;
}

/** The route that a method and a path are, or undefined; a path that is written out goes before one with braces. */
export function routeOf(method: string, path: string): FoundRoute | undefined {
  const wanted = segmentsOf(path);
  const found = (Object.entries(ROUTES) as [RouteName, Route][]).flatMap(([name, route]) => {
    const params = route.method === method ? paramsIn(segmentsOf(route.path), wanted) : undefined;
    return params === undefined ? [] : [{ name, params }];
  });
  return found.find(({ params }) => Object.keys(params).length === 0) ?? found[0];
}

function segmentsOf(path: string): string[] {
  return path.split('/');
}

function paramsIn(pattern: readonly string[], path: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== path.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const [, before = '', key, after = ''] = /^(.*)\{([a-z]+)\}(.*)$/.exec(part) ?? [];
    const text = path[index] ?? '';
    if (key === undefined) {
      if (part !== text) return undefined;
      continue;
    }
    const value = text.slice(before.length, text.length - after.length);
    if (value === '' || text !== `${before}${value}${after}`) return undefined;
    params[key] = decoded(value);
  }
  return params;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
