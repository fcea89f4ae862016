import { EDGE_PROBLEMS, problemsOf, ROUTES } from '@bulla/contract';

/** One connection cannot wait for another: without a server of PostgreSQL nobody is told `indeterminate`. */
const OF_SERVERS = new Set(['indeterminate']);

/**
 * What the services say in their interface that a request can be answered with, as the tests note it when they provoke it
 * (packages/service-kit/src/testing/openapi.ts): each problem of each operation, and those of the edge once per service.
 * @param {Readonly<Record<string, import('@bulla/contract').Route>>} routes
 * @returns {string[]} `<service> <operation> <code>`, or `<service> edge <code>`
 */
export function declaredProblems(routes = ROUTES) {
  const ofRoutes = Object.entries(routes).flatMap(([name, route]) =>
    servicesOf(route).flatMap((service) => problemsOf(route).map((code) => `${service} ${name} ${code}`)),
  );
  const ofEdges = ['vault', 'responder'].flatMap((service) => EDGE_PROBLEMS.map((code) => `${service} edge ${code}`));
  return [...ofRoutes, ...ofEdges];
}

/**
 * @param {readonly string[]} declared as {@link declaredProblems} lists them
 * @param {string} noted by the tests, a line each
 * @param {{ hasServer: boolean }} machine
 * @returns {string[]} what no test provoked
 */
export function unprovoked(declared, noted, { hasServer }) {
  const provoked = new Set(noted.split('\n'));
  return declared.filter((line) => !provoked.has(line) && (hasServer || !OF_SERVERS.has(line.split(' ').at(-1))));
}

function servicesOf({ service }) {
  return service === 'both' ? ['vault', 'responder'] : [service];
}
