import { bullaError } from './errors.js';

/**
 * A path and query of a service, below the address of that service, which may have a path of its own.
 * @param target as {@link targetOf} writes it: a path that begins with `/`, and a query after the first `?`.
 * @throws {BullaError} validation_failed where that would lead to another origin than the address has
 */
export function urlUnder(base: URL, target: string): URL {
  const at = target.indexOf('?');
  const [path, query] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at)];
  // Set on a copy, never resolved: a path that begins with `//` would be read as another host.
  const url = new URL(base);
  // guard: client-url-path without: url.href = new URL(base.pathname.replace(/\/$/, '') + path, base).href;
  url.pathname = base.pathname.replace(/\/$/, '') + path;
  url.search = query;
  url.hash = '';
  // guard: client-url-origin
  if (url.origin !== base.origin || url.origin === 'null')
    throw bullaError('validation_failed', {
      message: `${base.href} is no address of a service: it needs http or https, and a host`,
      origin: 'client',
    });
  return url;
}
