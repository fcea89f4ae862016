import { describe, expect, it } from '@jest/globals';
import { BODY_BYTES_MAX, PERMISSIONS, ROUTES } from '@bulla/contract';
import type { Route, RouteName } from '@bulla/contract';

const routes = Object.entries<Route>(ROUTES) as [RouteName, Route][];
const namesOf = (wanted: (route: Route) => boolean): RouteName[] =>
  routes.filter(([, route]) => wanted(route)).map(([name]) => name);

describe.each(routes)('%s', (_name, route) => {
  it('says who may send it: a permission, or a reason why anybody may', () => {
    expect([route.permission, route.public].filter((access) => access !== undefined)).toHaveLength(1);
    expect(route.permission ?? 'public').toMatch(new RegExp(`^(?:public|${Object.keys(PERMISSIONS).join('|')})$`));
    expect(route.public ?? 'has a permission').toMatch(/\w+ \w+/);
  });

  it('has a schema for each name in its path, and no other', () => {
    const names = [...route.path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name);
    expect(Object.keys(route.params?.shape ?? {})).toEqual(names);
  });

  it('has a body if its method has one, and an answer unless it is 204', () => {
    expect(route.body !== undefined).toBe(route.method === 'POST' || route.method === 'PUT');
    const hasAnswer = route.response !== undefined || route.page === true;
    expect(hasAnswer).toBe(route.status !== 204);
  });

  it('can be read', () => {
    expect(route.summary).toMatch(/^[A-Z][^.]{8,98}$/);
  });
});

describe('the table', () => {
  it('names each method and path once', () => {
    const targets = routes.map(([, { method, path }]) => `${method} ${path.replaceAll(/\{[a-z]+\}/g, '{}')}`);
    expect(new Set(targets).size).toBe(targets.length);
  });

  it('lets exactly these be sent without a signature', () => {
    expect(namesOf((route) => route.public !== undefined)).toEqual([
      'organisation.create',
      'root.get',
      'policy.get',
      'directory.get',
      'directory.hashes',
      'directory.freshness',
      'organisation.restored',
      'organisation.handback',
      'enrolment.create',
      'enrolment.get',
      'health.live',
      'health.ready',
      'interface.index',
      'interface.document',
      'interface.page',
    ]);
  });

  it('takes exactly these with a signature by the key that a new device brings', () => {
    expect(namesOf((route) => route.credential === 'enrolment')).toEqual(['enrolment.create', 'enrolment.get']);
  });

  it('leaves exactly these answers unsigned: for strangers, and bodies that are tokens', () => {
    const unsigned = namesOf((route) => !route.signedResponse);
    const forStrangers = namesOf((route) => route.public !== undefined);
    expect(unsigned.filter((name) => !forStrangers.includes(name))).toEqual(['envelope.issue', 'invocation.run']);
    expect(forStrangers.filter((name) => !unsigned.includes(name))).toEqual([]);
  });

  it('wants an idempotency key with every signed body', () => {
    const withKey = namesOf((route) => 'idempotency-key' in (route.headers?.shape ?? {}));
    const isSigned = (route: Route) => route.permission !== undefined || route.credential === 'enrolment';
    expect(withKey).toEqual(namesOf((route) => route.body !== undefined && isSigned(route)));
  });

  it('wants If-Match for exactly these changes', () => {
    expect(namesOf((route) => 'if-match' in (route.headers?.shape ?? {}))).toEqual([
      'root.publish',
      'policy.publish',
      'directory.publish',
      'version.create',
      'version.entrust',
      'label.move',
    ]);
  });

  it('lets larger bodies than 1 MiB in at these routes only', () => {
    const large = routes.filter(([, { bodyBytesMax }]) => (bodyBytesMax ?? 0) > BODY_BYTES_MAX);
    expect(Object.fromEntries(large.map(([name, { bodyBytesMax }]) => [name, bodyBytesMax]))).toEqual({
      'organisation.create': 6_291_456,
      'root.publish': 6_291_456,
      'policy.publish': 6_291_456,
      'directory.publish': 6_291_456,
      'organisation.handback': 6_291_456,
      'enrolment.approve': 6_291_456,
      'invocation.run': 2_097_152,
    });
    const ofChats = routes.filter(([, { chatBodyBytesMax }]) => chatBodyBytesMax !== undefined);
    expect(ofChats.map(([name]) => name)).toEqual(['invocation.run']);
  });

  it('uses every permission', () => {
    const used = new Set(routes.map(([, { permission }]) => permission));
    expect(Object.keys(PERMISSIONS).filter((permission) => !used.has(permission as never))).toEqual([]);
  });
});
