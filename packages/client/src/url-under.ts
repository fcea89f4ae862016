/** A path and query of a service, below the address of that service, which may have a path of its own. */
export function urlUnder(base: URL, target: string): URL {
  return new URL(base.pathname.replace(/\/$/, '') + target, base);
}
