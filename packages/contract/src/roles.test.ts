import { describe, expect, it } from '@jest/globals';
import { may, PERMISSIONS, Role } from './roles.js';
import type { Permission } from './roles.js';

const permissions = Object.keys(PERMISSIONS) as Permission[];
const ADMIN = [
  'organisation.update',
  'person.admit',
  'prompt.read',
  'prompt.delete',
  'label.move',
  'label.follow',
  'grant.read',
  'grant.delete',
  'grant.clear',
  'envelope.read',
  'key.read',
  'key.rotate',
  'vault.unseal',
  'audit.read',
  'usage.read',
];

/** What each role may, all of it: a role without a row does not compile. */
const HELD = {
  owner: [...ADMIN.slice(0, -1), 'audit.erase', 'audit.set-aside', 'usage.read'],
  admin: ADMIN,
  author: [
    'prompt.read',
    'prompt.write',
    'prompt.delete',
    'label.move',
    'label.follow',
    'grant.read',
    'grant.collect',
    'grant.write',
    'grant.delete',
    'usage.read',
  ],
  invoker: [
    'prompt.read',
    'label.follow',
    'grant.collect',
    'grant.write',
    'grant.delete',
    'envelope.issue',
    'envelope.read',
    'usage.read',
    'invocation.run',
  ],
  auditor: ['prompt.read', 'label.follow', 'grant.read', 'envelope.read', 'key.read', 'audit.read', 'usage.read'],
  renewer: ['label.follow', 'label.renew'],
  service: ['grant.collect', 'grant.write', 'grant.delete', 'usage.report'],
  gateway: ['invocation.run'],
} as const satisfies Record<Role, readonly string[]>;

describe('permissions', () => {
  it.each(Object.entries(HELD) as [Role, readonly string[]][])('of %s are exactly these', (role, held) => {
    expect(permissions.filter((permission) => may([role], permission))).toEqual(held);
  });

  it('are none without a role', () => {
    expect(permissions.filter((permission) => may([], permission))).toEqual([]);
  });

  it('add up over roles', () => {
    expect(may(['auditor', 'invoker'], 'envelope.issue')).toBe(true);
    expect(may(['auditor', 'service'], 'envelope.issue')).toBe(false);
  });

  it('name roles that exist', () => {
    const roles = new Set(Object.values(PERMISSIONS).flat());
    expect([...roles].filter((role) => !Role.options.includes(role))).toEqual([]);
  });
});
