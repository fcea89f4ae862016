import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PolicyDocument } from './policy.js';
import { authorsOf, custodyOf, freshSecondsOf, labelRuleOf, parsePolicy, pendingSecondsOf } from './policy.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';

/** The example of docs/spec/audit-log.md. */
const WITNESS = 'witness.example/w1+ebf9b3b4+BJgUzxKH27fz/H/LivAGWDxFznWAmy0JsKhjYvNt1zXt';
let acme: TestOrganisation;
let policy: PolicyDocument;

beforeAll(async () => {
  acme = await makeOrganisation();
  policy = {
    ...acme.trust.policy,
    custody: { '*': 'sealed', 'drafts/': 'managed', 'drafts/secret/': 'sealed' },
    authors: { 'claims/': ['grp:claims'], 'claims/eu/': [], '*': ['grp:authors'] },
    labels: { production: { groups: ['grp:release'], threshold: 2, days: 30 }, canary: { groups: [] } },
  };
});

describe('parsing a policy', () => {
  it.each<[string, (draft: PolicyDocument) => unknown]>([
    ['a further member', (draft) => Object.assign(draft, { comment: '' })],
    ['a further member of a label', (draft) => Object.assign(draft.labels, { canary: { groups: [], comment: '' } })],
    ['no suite', (draft) => (draft.suites = [])],
    ['a suite in capitals', (draft) => (draft.suites = ['RSA2048'])],
    ['custody of a bare name', (draft) => (draft.custody = { claims: 'sealed' })],
    ['custody of a path', (draft) => (draft.custody = { '../': 'managed' })],
    ['custody of the empty prefix', (draft) => (draft.custody = { '': 'managed' })],
    ['custody of a slash', (draft) => (draft.custody = { '/': 'managed' })],
    ['custody of a pattern', (draft) => (draft.custody = { 'claims/*': 'managed' })],
    ['another custody', (draft) => Object.assign(draft.custody, { '*': 'shared' })],
    ['authors that are no groups', (draft) => (draft.authors = { '*': ['authors'] })],
    ['a group in capitals', (draft) => (draft.chat = ['grp:Chat'])],
    ['a group with a line break', (draft) => (draft.chat = ['grp:chat\n'])],
    ['a label in capitals', (draft) => (draft.labels = { Production: { groups: [] } })],
    ['a label of 65 characters', (draft) => (draft.labels = { ['x'.repeat(65)]: { groups: [] } })],
    ['threshold zero', (draft) => (draft.labels = { production: { groups: [], threshold: 0 } })],
    ['threshold 17', (draft) => (draft.labels = { production: { groups: [], threshold: 17 } })],
    ['tags that live 366 days', (draft) => (draft.labels = { production: { groups: [], days: 366 } })],
    ['tags that do not live', (draft) => (draft.labels = { production: { groups: [], days: 0 } })],
    ['words of renewers that count for 8 days', (draft) => (draft.fresh_days = 8)],
    ['words of renewers that do not count', (draft) => (draft.fresh_days = 0)],
    [
      'tags that live 91 days, in spec 1 [guard: policy-spec]',
      (draft) => Object.assign(draft, { spec: '1', labels: { production: { groups: [], days: 91 } } }),
    ],
    ['fresh_days in spec 1', (draft) => Object.assign(draft, { spec: '1', fresh_days: 7 })],
    [
      'witnesses in spec 1 [guard: policy-spec-witnesses]',
      (draft) => Object.assign(draft, { spec: '1', labels: {}, witnesses: { quorum: 1, keys: [WITNESS] } }),
    ],
    [
      'witnesses that cannot be [guard: policy-witnesses]',
      (draft) => (draft.witnesses = { quorum: 2, keys: [WITNESS] }),
    ],
    ['spec 3', (draft) => Object.assign(draft, { spec: '3' })],
    ['automatic enrolment', (draft) => Object.assign(draft.auth, { oidc: 'auto' })],
    ['a skew over a minute', (draft) => (draft.max_skew = 61)],
    ['a life over 366 days', (draft) => (draft.expires = '2099-01-01T00:00:00Z')],
    ['a predecessor of version 1 [guard: policy-previous]', (draft) => (draft.prev = 'A'.repeat(43))],
    ['version 2 without a predecessor', (draft) => (draft.version = 2)],
    ['a predecessor that is no hash', (draft) => Object.assign(draft, { version: 2, prev: 'first' })],
    [
      'a label called __proto__',
      (draft) => Object.defineProperty(draft.labels, '__proto__', { value: {}, enumerable: true }),
    ],
    // The name is legal, but no token has such a member (protocol.md §2.1): such a label has the default rule.
    ['a rule for the label constructor', (draft) => (draft.labels = { constructor: { groups: [] } })],
  ])('refuses %s', async (_name, change) => {
    const draft = structuredClone(acme.trust.policy);
    change(draft);
    // Some of these are refused when they are signed already: what we make, we would accept.
    await expect(acme.sign('policy', draft).then(parsePolicy)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each<[string, Partial<PolicyDocument>]>([
    ['tags that live a year', { labels: { production: { groups: [], days: 365 } } }],
    ['tags that live 90 days, in spec 1', { spec: '1', labels: { production: { groups: [], days: 90 } } }],
    ['words of renewers that count for a day', { fresh_days: 1 }],
    ['words of renewers that count for a week', { fresh_days: 7 }],
    ['a witness of the audit logs', { witnesses: { quorum: 1, keys: [WITNESS] } }],
  ])('accepts %s', async (_name, changes) => {
    const token = await acme.sign('policy', { ...acme.trust.policy, ...changes });
    expect((await parsePolicy(token)).payload).toMatchObject(changes);
  });

  it('accepts suites that this implementation does not have', async () => {
    const token = await acme.sign('policy', { ...acme.trust.policy, suites: ['rsa2048', 'hybrid1'] });
    expect((await parsePolicy(token)).payload.suites).toContain('hybrid1');
  });

  it('refuses more than 256 KiB', async () => {
    const labels = Object.fromEntries(
      Array.from({ length: 8000 }, (_, index) => [`label-${index}`, { groups: ['grp:release'] }]),
    );
    const token = await acme.sign('policy', { ...acme.trust.policy, labels });
    await expect(parsePolicy(token)).rejects.toMatchObject({ code: 'payload_too_large' });
  });
});

describe('custody of a name', () => {
  it.each([
    ['claims/triage', 'sealed'],
    ['drafts', 'sealed'],
    ['drafts/one', 'managed'],
    ['drafts/one/two', 'managed'],
    ['drafts/secret', 'managed'],
    ['drafts/secret/one', 'sealed'],
    ['draftsman/one', 'sealed'],
    ['constructor', 'sealed'],
    ['constructor/one', 'sealed'],
    ['other/drafts/one', 'sealed'],
  ])('of %s is %s', (name, custody) => {
    expect(custodyOf(name, { policy })).toBe(custody);
  });

  it('is sealed where the policy says nothing', () => {
    expect(custodyOf('claims/triage', { policy: { custody: {} } })).toBe('sealed');
  });
});

describe('authors of a name', () => {
  it.each([
    ['claims', ['grp:authors']],
    ['claims/triage', ['grp:claims']],
    ['claims/eu/triage', []],
    ['claims/europe', ['grp:claims']],
  ])('of %s are %j', (name, groups) => {
    expect(authorsOf(policy, name)).toEqual(groups);
  });

  it('are nobody where the policy says nothing', () => {
    expect(authorsOf({ ...policy, authors: {} }, 'claims/triage')).toEqual([]);
  });
});

describe('the rule of a label', () => {
  it.each([
    ["is the policy's", 'production', { groups: ['grp:release'], threshold: 2, days: 30 }],
    ['has one signer and a year unless the policy says more', 'canary', { groups: [], threshold: 1, days: 365 }],
    ["is the authors' where the policy has none", 'latest', { groups: ['grp:claims'], threshold: 1, days: 365 }],
    ['is not found on a prototype', 'constructor', { groups: ['grp:claims'], threshold: 1, days: 365 }],
  ])('%s', (_name, label, rule) => {
    expect(labelRuleOf(policy, 'claims/triage', label)).toEqual(rule);
  });

  it.each([
    ['production', 30],
    ['canary', 7],
    ['latest', 7],
  ])('gives tags of %s %i days in spec 1', (label, days) => {
    expect(labelRuleOf({ ...policy, spec: '1' }, 'claims/triage', label)).toMatchObject({ days });
  });
});

describe('words of renewers', () => {
  it.each<[string, Partial<PolicyDocument>, number, number]>([
    ['a week, and a move waits for six days', {}, 7, 6],
    ['as many days as it says', { fresh_days: 3 }, 3, 2],
    ['two days, and a move waits for one', { fresh_days: 2 }, 2, 1],
    ['a day, and a move waits for half of it', { fresh_days: 1 }, 1, 0.5],
    ['a week in spec 1', { spec: '1' }, 7, 6],
  ])('count for %s', (_name, changes, fresh, pending) => {
    const changed = { ...policy, ...changes };
    expect([freshSecondsOf(changed), pendingSecondsOf(changed)]).toEqual([fresh * 86_400, pending * 86_400]);
  });
});
