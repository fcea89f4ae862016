import { describe, expect, it } from '@jest/globals';
import { Cursor, entityTag, IdempotencyKey, IfMatch, ROUTES } from '@bulla/contract';
import * as ids from '@bulla/contract';
import type * as z from 'zod';
import {
  device,
  enrolment,
  envelope,
  hash,
  invitation,
  invocation,
  kid,
  prompt,
  responder,
  user,
} from './example-names.js';

const takes = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success;
const ULID = prompt.slice(4);

describe.each<[string, z.ZodType, string[], unknown[]]>([
  [
    'PromptId',
    ids.PromptId,
    [prompt],
    [envelope, ULID, `${prompt}0`, prompt.toUpperCase(), 'prm_', `prm_8${ULID.slice(1)}`, 7],
  ],
  ['EnvelopeId', ids.EnvelopeId, [envelope], [prompt, `${envelope} `]],
  ['InvocationId', ids.InvocationId, [invocation], [prompt, null]],
  ['InvitationId', ids.InvitationId, [invitation], [enrolment, invitation.toUpperCase(), `${invitation}0`]],
  ['EnrolmentId', ids.EnrolmentId, [enrolment], [invitation, ` ${enrolment}`]],
  [
    'Organisation',
    ids.Organisation,
    ['a', 'acme-2', 'a'.repeat(63)],
    ['', '-a', 'A', 'a_b', 'a:b', 'a'.repeat(64), 'a/b'],
  ],
  [
    'PromptName',
    ids.PromptName,
    ['a', 'claims/triage', 'a.b-c_d/0', 'a'.repeat(128)],
    ['', '/a', 'a/', 'a//b', 'A', '.a', 'a/../b', 'a b', 'a'.repeat(129), 'ä'],
  ],
  ['Label', ids.Label, ['production', 'constructor', '0', 'a'.repeat(64)], ['', 'A', '.a', 'a/b', 'a'.repeat(65)]],
  ['Kid', ids.Kid, [kid], [kid.slice(1), `${kid}K`, '='.repeat(43)]],
  ['Hash', ids.Hash, [hash], [hash.slice(1), `${hash}a`, '+'.repeat(43)]],
  [
    'Pin',
    ids.Pin,
    [`sha256:${'0'.repeat(64)}`],
    [`sha256:${'A'.repeat(64)}`, '0'.repeat(64), `sha1:${'0'.repeat(64)}`],
  ],
  [
    'Urn',
    ids.Urn,
    [device, responder, 'urn:bulla:acme:svc:vault', 'urn:bulla:acme:svc:gateway:g1', 'urn:bulla:acme:recovery'],
    [
      'urn:bulla:acme',
      'urn:bulla:acme:dev:q1',
      `${device}#${kid}`,
      'urn:bulla:acme:svc:vault:1',
      'urn:bulla::recovery',
      `x${device}`,
    ],
  ],
  [
    'ResponderUrn',
    ids.ResponderUrn,
    [responder],
    [device, 'urn:bulla:acme:svc:responder:', 'urn:bulla:acme:svc:vault'],
  ],
  ['DeviceUrn', ids.DeviceUrn, [device], [responder, user, 'urn:bulla:acme:dev:a1', `${device}#${kid}`]],
  ['UserUrn', ids.UserUrn, [user], [device, 'urn:bulla:acme:user:bob', `${user} `]],
  [
    'Group',
    ids.Group,
    ['grp:authors', 'grp:0', `grp:${'a'.repeat(64)}`],
    ['authors', 'grp:', 'grp:A', 'grp:.a', 'grp:a/b', `grp:${'a'.repeat(65)}`],
  ],
  [
    'DeviceLabel',
    ids.DeviceLabel,
    ['laptop', 'Bobs iPhone', 'a.b-c_d 1', 'a'.repeat(64)],
    ['', 'a'.repeat(65), 'a\nb', 'a\u0000', '<b>', "Bob's", 'ä'],
  ],
  [
    'DeviceRole',
    ids.DeviceRole,
    ['owner', 'admin', 'author', 'invoker', 'auditor'],
    ['service', 'gateway', 'Owner', ''],
  ],
  [
    'Timestamp',
    ids.Timestamp,
    ['2026-11-25T08:00:00.000Z', new Date(0).toISOString()],
    ['2026-11-25T08:00:00Z', '2026-11-25T08:00:00.000+01:00', '2026-02-30T08:00:00.000Z', '2026-11-25', 1_795_560_000],
  ],
  ['Cursor', Cursor, ['bmV4dA', 'a'.repeat(512)], ['', 'a=', 'a'.repeat(513), 'a b']],
  [
    'IdempotencyKey',
    IdempotencyKey,
    [invocation, 'a'.repeat(128)],
    ['', 'short', 'a'.repeat(129), '"quoted-quoted-quoted"', 'a b c d e f g h i'],
  ],
])('%s', (_name, schema, good, bad) => {
  it.each(good)('takes %j', (value) => {
    expect(takes(schema, value)).toBe(true);
  });
  it.each(bad)('refuses %j', (value) => {
    expect(takes(schema, value)).toBe(false);
  });
});

describe('If-Match', () => {
  it.each([
    ['"0"', 0],
    ['"7"', 7],
    ['"2147483647"', 2_147_483_647],
  ])('reads %s', (text, number) => {
    expect(IfMatch.parse(text)).toBe(number);
    expect(entityTag(number)).toBe(text);
  });
  it.each(['7', '"07"', '"-1"', 'W/"7"', '"7", "8"', '*', '"2147483648"', '"1e2"', ' "7"', '""'])(
    'refuses %s',
    (text) => {
      expect(takes(IfMatch, text)).toBe(false);
    },
  );
});

describe('the bootstrap secret', () => {
  const { headers } = ROUTES['organisation.create'];
  it.each([{}, { authorization: `Bootstrap ${'s'.repeat(43)}` }])('takes %j', (value) => {
    expect(takes(headers, value)).toBe(true);
  });
  it.each(['Bearer x', 'Bootstrap ', 'Bootstrap short', `bootstrap ${'s'.repeat(43)}`, `Bootstrap ${'s'.repeat(129)}`])(
    'refuses %j',
    (authorization) => {
      expect(takes(headers, { authorization })).toBe(false);
    },
  );
});

describe('numbers in a path', () => {
  const { params } = ROUTES['version.get'];
  it('reads them', () => {
    expect(params.parse({ id: prompt, n: '12' })).toEqual({ id: prompt, n: 12 });
  });
  it.each([
    '',
    '0',
    '-1',
    '+1',
    '01',
    '1.0',
    '1e2',
    ' 1',
    '1 ',
    '0x1',
    '2147483648',
    '9'.repeat(400),
    'NaN',
    'latest',
    ['1'],
    null,
  ])('refuses %j', (n) => {
    expect(takes(params, { id: prompt, n })).toBe(false);
  });
});

describe('the query of a list', () => {
  const { query } = ROUTES['prompt.list'];
  it('has defaults', () => {
    expect(query.parse({})).toEqual({ limit: 50, status: 'active' });
  });
  it('reads every member', () => {
    const all = { prefix: 'claims/', label: 'production', status: 'deleted', cursor: 'bmV4dA', limit: '200' };
    expect(query.parse(all)).toEqual({ ...all, limit: 200 });
  });
  it.each([
    ['a limit of none', { limit: '0' }],
    ['a limit over 200', { limit: '201' }],
    ['a limit in another spelling', { limit: '1e2' }],
    ['an empty limit', { limit: '' }],
    ['two limits', { limit: ['1', '2'] }],
    ['an unknown member', { offset: '1' }],
    ['an unknown status', { status: 'all' }],
    ['an empty cursor', { cursor: '' }],
    ['a prefix that begins no name', { prefix: 'A%' }],
    ['a prefix that is too long', { prefix: 'a'.repeat(129) }],
    ['a label that is none', { label: 'a/b' }],
  ])('refuses %s', (_name, value) => {
    expect(takes(query, value)).toBe(false);
  });
  it.each([
    ['version.list', {}, { version: '1' }],
    ['prompt.find', { name: 'claims/triage' }, {}],
    ['grant.list', { version: '3' }, { version: '0' }],
    ['grant.collect', { kid, without: kid, by: 'others', since: '1795560000' }, { kid, since: '1.5' }],
    ['grant.delete', { because: 'unfit' }, { because: 'why not' }],
    ['grant.unfit', { limit: '1' }, { limit: '0' }],
    ['grant.clear', { by: 'urn:bulla:acme:user:usr_01kz84jm00fs4v9y6x7qj3r2dn' }, {}],
    ['grant.tried', { kid, limit: '1' }, { limit: '1' }],
  ] as const)('of %s is as strict', (name, good, bad) => {
    expect(takes(ROUTES[name].query, good)).toBe(true);
    expect(takes(ROUTES[name].query, bad)).toBe(false);
    expect(takes(ROUTES[name].query, { ...good, extra: '1' })).toBe(false);
  });
});
