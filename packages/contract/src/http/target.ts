import type { RouteName, RouteParams, RouteQuery } from './route-call.js';
import { ROUTES } from '../routes.js';

type Values = Readonly<Record<string, string | number | undefined>>;

/**
 * Path and query of a request, such as `/api/v1/prompts/prm_…/versions?limit=10`, for a client to sign and send.
 * Query members that are undefined are left out.
 */
export function targetOf<Name extends RouteName>(
  name: Name,
  params: RouteParams<Name>,
  query?: Partial<NonNullable<RouteQuery<Name>>>,
): string {
  const values: Values = params ?? {};
  const path = ROUTES[name].path.replaceAll(/\{([a-z]+)\}/g, (_braces, key: string) =>
    encodeURIComponent(`${values[key]}`),
  );
  const given = Object.entries((query ?? {}) as Values).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([key, value]) => [key, `${value}`]));
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}
