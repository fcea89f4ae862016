import { describe, expect, it } from '@jest/globals';
import { AuditEvent, auditResult, PROBLEMS, ROUTES } from '@bulla/contract';
import type { AuditAct, AuditFacts, ProblemCode, Route } from '@bulla/contract';
import {
  approval,
  device,
  enrolment,
  envelope,
  hash,
  invitation,
  invocation,
  job,
  kid,
  prompt,
  responder,
  usageReport,
} from './example-names.js';
import { mutationsOf } from './mutations.js';

const FACTS: { [Act in AuditAct]: AuditFacts<Act> } = {
  'organisation.create': { pin: `sha256:${'0a'.repeat(32)}`, root: 1, policy: 1, directory: 1 },
  'root.publish': { version: 2 },
  'policy.publish': { version: 2 },
  'directory.publish': { version: 2 },
  'directory.freshen': { version: 2 },
  'organisation.handback': { version: 2 },
  'organisation.resume': { version: 2, ended: 0 },
  'invitation.create': { invitation },
  'invitation.list': { items: 2 },
  'invitation.delete': { invitation },
  'enrolment.create': { enrolment, invitation },
  'enrolment.get': { enrolment },
  'enrolment.list': { items: 0 },
  'enrolment.approve': { enrolment, invitation, version: 3 },
  'enrolment.refuse': { enrolment, invitation },
  'prompt.create': { prompt },
  'prompt.list': { items: 0 },
  'prompt.find': { prompt },
  'prompt.get': { prompt },
  'prompt.delete': { prompt },
  'version.create': { prompt, version: 1, chash: hash, grants: 1, to: [kid] },
  'version.entrust': { prompt, version: 1, chash: hash, grants: 1, to: [kid] },
  'version.list': { prompt, items: 1 },
  'version.get': { prompt, version: 1, granted: true },
  'label.move': { prompt, label: 'production', seq: 2, version: 0, approval, given: 1 },
  'label.list': { prompt, items: 2 },
  'label.get': { prompt, label: 'production', seq: 2, version: 1 },
  'label.confirm': { prompt, label: 'production', seq: 2, version: 1 },
  'label.all': { items: 2 },
  'label.handback': { prompt, label: 'production', seq: 4, taken: 2 },
  'label.freshen': { items: 2, taken: 1 },
  'label.chain': { prompt, label: 'production', items: 2 },
  'label.history': { prompt, label: 'production', items: 2 },
  'approval.list': { items: 1 },
  'approval.get': { approval, prompt, label: 'production', seq: 2, version: 3 },
  'approval.give': { approval, prompt, label: 'production', seq: 2, version: 0, given: 2, moved: true },
  'approval.drop': { approval, prompt, label: 'production', seq: 2, version: 3 },
  'grant.add': { prompt, added: 1, to: [{ version: 1, kid }] },
  'grant.make': { prompt, version: 1, kid },
  'wrap.delete': { prompt, policy: 4, items: 2 },
  'grant.list': { prompt, items: 3 },
  'grant.delete': { prompt, whash: hash, unfit: { version: 1, kid, posters: [kid] } },
  'grant.unfit': { items: 3 },
  'grant.clear': { whash: hash, by: 'urn:bulla:acme:user:usr_01kz84jm00fs4v9y6x7qj3r2dn' },
  'grant.tried': { items: 3 },
  'grant.collect': { kid, items: 3 },
  'grant.move': { added: 1, refused: 2, to: [{ prompt, version: 1, kid }] },
  'envelope.issue': { envelope, prompt, version: 1, whash: hash, models: 2, responder, uses: 1 },
  'envelope.get': { envelope },
  'invocation.run': { invocation, envelope, prompt, version: 1, replayed: false },
  'invocation.finish': { invocation, frames: 12, finish: 'stop', fin: hash },
  'key.status': { items: 2 },
  'model.list': {},
  'key.held': {},
  'usage.report': { items: 2, report: usageReport, taken: 0 },
  'usage.list': { items: 2 },
  'key.rotate': { job, what: 'root', target: 'root:file:3f9ac0d15e7b2846' },
  'job.list': { items: 2 },
  'job.get': { job },
  'job.cancel': { job },
  'job.end': { job, what: 'kek', target: 'kek:acme:7', done: 12 },
  'kek.activate': { kek: 7, before: 6 },
  'kek.destroy': { kek: 6 },
  'root.activate': { root: 'root:file:3f9ac0d15e7b2846', before: 'root:file:0000000000000000' },
  'unsealing.get': { sealed: true },
  'unsealing.give': { set: kid, share: 2, given: 1, sealed: true },
  'audit.list': { items: 2 },
  'audit.get': { index: 7 },
  'audit.set-aside': { items: 1, leaves: [kid] },
  'audit.erase': { log: 1, actor: kid, below: 4711, items: 12 },
  'audit.checkpoint': {},
  'audit.tile': {},
  'audit.bundle': { index: 0, items: 256 },
  'audit.cosign': { log: 1, size: 12, by: [kid], taken: 1 },
  'audit.prove': {},
  'log.begin': { log: 2, before: { origin: 'urn:bulla:acme:svc:vault/audit/1', size: 41, root: hash } },
  'log.prune': {
    log: 2,
    first: 0,
    last: 255,
    size: 4711,
    root: hash,
    before: { origin: 'urn:bulla:acme:svc:vault/audit/1', size: 41, root: hash },
  },
};
const OPTIONAL = ['/req', '/ev'];
const OPTIONAL_FACTS: { readonly [act: string]: readonly string[] } = {
  'envelope.issue': ['/obj/prompt', '/obj/version', '/obj/whash', '/obj/models'],
  'invocation.run': ['/obj/prompt', '/obj/version'],
  'grant.add': ['/obj/to'],
  'grant.delete': ['/obj/unfit'],
  'label.move': ['/obj/approval', '/obj/given'],
  'log.begin': ['/obj/before'],
  'log.prune': ['/obj/before'],
  'version.create': ['/obj/to'],
  'wrap.delete': ['/obj/prompt', '/obj/policy'],
  'key.rotate': ['/obj/target'],
  'job.end': ['/obj/target'],
  'kek.activate': ['/obj/before'],
  'root.activate': ['/obj/before'],
};
/** Places in a log go further than other numbers. */
const PLACES = /^2147483648 at \/obj\/(?:index|first|last|size|below|before\/size)$/;
const signed = { v: 1, who: { type: 'device', kid }, req: 'n'.repeat(22), ev: hash };
const acts = Object.entries(FACTS);
const takes = (value: unknown): boolean => AuditEvent.safeParse(value).success;

describe.each(acts)('%s', (act, obj) => {
  const done = { ...signed, act, res: 'ok', obj };
  it('is kept with its facts', () => {
    expect(AuditEvent.parse(done)).toEqual(done);
  });

  it('is kept as refused with what is known of them, and with a code', () => {
    expect(takes({ ...signed, act, res: 'denied', why: 'forbidden', obj: {} })).toBe(true);
    expect(takes({ ...signed, act, res: 'error', why: 'internal', obj })).toBe(true);
    expect(takes({ ...signed, act, res: 'denied', obj })).toBe(false);
    expect(takes({ ...signed, act, res: 'denied', why: 'made_up', obj })).toBe(false);
    expect(takes({ ...done, why: 'forbidden' })).toBe(false);
  });

  it('takes no wrong neighbour, and so no text', () => {
    const optional = [...OPTIONAL, ...(OPTIONAL_FACTS[act] ?? [])];
    const taken = [...mutationsOf(done, optional)]
      .filter(({ name, value }) => !PLACES.test(name) && takes(value))
      .map(({ name }) => name);
    expect(taken).toEqual([]);
  });
});

describe('the audit log', () => {
  it('has an act for every route that takes signed requests, and for what a service does besides', () => {
    const routes = Object.entries<Route>(ROUTES).filter(
      ([, { permission, credential }]) => permission !== undefined || credential === 'enrolment',
    );
    const expected = [
      ...routes.map(([name]) => name),
      'organisation.create',
      'organisation.handback',
      'invocation.finish',
      'log.begin',
      'log.prune',
      'grant.make',
      'wrap.delete',
      'job.end',
      'kek.activate',
      'kek.destroy',
      'root.activate',
    ];
    expect(acts.map(([act]) => act).toSorted()).toEqual(expected.toSorted());
  });

  it('counts strangers', () => {
    const refused = { v: 1, act: 'request.refuse', res: 'denied', why: 'unauthenticated', obj: { count: 3 } };
    expect(takes(refused)).toBe(true);
    expect([...mutationsOf(refused, [])].filter(({ value }) => takes(value))).toEqual([]);
  });

  it.each([
    ['the bearer of the bootstrap secret', { type: 'bootstrap' }, true],
    ['documents that speak for themselves', { type: 'documents' }, true],
    ['the service itself', { type: 'service' }, true],
    ['the service itself with a key', { type: 'service', kid }, false],
    ['such documents with a key', { type: 'documents', kid }, false],
    ['a service', { type: 'responder', kid }, true],
    ['a device that asks to be let in', { type: 'enrolment', kid }, true],
    ['such a device without a key', { type: 'enrolment' }, false],
    ['a bootstrap with a key', { type: 'bootstrap', kid }, false],
    ['a device without a key', { type: 'device' }, false],
    ['a device by its URN', { type: 'device', kid: device }, false],
    ['an address', { type: 'device', kid, ip: '127.0.0.1' }, false],
  ])('as actor: %s', (_name, who, expected) => {
    expect(takes({ ...signed, who, act: 'prompt.get', res: 'ok', obj: { prompt } })).toBe(expected);
  });

  it('refuses an act that it does not know', () => {
    expect(takes({ ...signed, act: 'prompt.peek', res: 'ok', obj: { prompt } })).toBe(false);
  });
});

it('tells decisions from failures of ours', () => {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  expect(codes.filter((code) => auditResult(code) === 'error')).toEqual(
    codes.filter((code) => PROBLEMS[code].status >= 500),
  );
  expect(auditResult('forbidden')).toBe('denied');
});
