import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SendOptions } from '@bulla/service-kit/testing';
import type { TestMember } from '../test/asking.js';
import { suite } from '../test/suite.js';

// The problems of the routes of the log and of those that read: each is provoked at each of them, at this service too.

const DAY_SECONDS = 86_400;
const MODELS = '/api/v1/models';
/** Of a key that is this responder's. */
const TRIED = '/api/v1/grants/tried?limit=5';
const ERASE = `/api/v1/audit/evidence?actor=${'K'.repeat(43)}`;
const SET_ASIDE = '/api/v1/audit/unchecked';
/** A good request for each; the service has begun its log. */
const PATHS = [
  '/api/v1/audit/entries?limit=5',
  '/api/v1/audit/entries/0?log=1',
  '/api/v1/audit/checkpoint',
  '/api/v1/audit/tile/0/0?width=1',
  '/api/v1/audit/bundles/0?width=1',
  '/api/v1/audit/proofs?size=1',
  '/api/v1/keys/held',
  MODELS,
  TRIED,
  ERASE,
  SET_ASIDE,
];
/** The same of something that is not there. */
const NOWHERE = [
  '/api/v1/audit/entries?log=7',
  '/api/v1/audit/entries/99999',
  '/api/v1/audit/tile/6/0',
  '/api/v1/audit/bundles/999',
  '/api/v1/audit/proofs?size=99999',
  `${ERASE}&log=7`,
];

const all = suite({ limits: { auditIntervalMs: 20 } });
let stranger: TestMember;
let revoked: TestMember;
let unfit: TestMember;
beforeAll(async () => {
  const { organisation } = all;
  const make = (name: string) => organisation.makeDevice(name, { roles: ['auditor'], groups: [] });
  [stranger, revoked, unfit] = [await make('stranger'), await make('leaver'), await make('unfit')];
  await organisation.publish((draft) => {
    draft.entities[revoked.urn] = revoked.entity;
    const keys = unfit.entity.keys.map((key) => (key.use === 'sig' ? { ...key, pur: ['tag' as const] } : key));
    draft.entities[unfit.urn] = { ...unfit.entity, keys };
    draft.revoked.push({ kid: revoked.sig.kid, reason: 'keyCompromise', at: organisation.now });
  });
  await all.refresh();
  // A refusal is the first thing that the log tells.
  await codeOf('/api/v1/audit/entries', organisation.invoker);
  while ((await all.responder.client(organisation.auditor).get(PATHS[1] ?? '')).status !== 200);
});

/** What changes something. */
const isOwners = (path: string) => path.startsWith(ERASE) || path.startsWith(SET_ASIDE);

/** Owners erase and set aside, askers see which models there are, and auditors read the rest. */
function whoMay(path: string): TestMember {
  const { owner, invoker, auditor } = all.organisation;
  if (path === MODELS) return invoker;
  return isOwners(path) ? owner : auditor;
}

async function codeOf(target: string, as: TestMember = whoMay(target), options: SendOptions = {}) {
  const [{ enc }] = all.organisation.responders;
  const path = target.replace(TRIED, `${TRIED}&kid=${enc?.kid}`);
  const client = all.responder.client(as);
  const { status, body } = await (isOwners(path) ? client.delete(path, options) : client.get(path, options));
  return [status, (body as { code?: string }).code];
}

describe.each(PATHS)('%s', (path) => {
  it('is for those who hold its permission', async () => {
    expect(await codeOf(path)).toEqual([200, undefined]);
    const { invoker, auditor } = all.organisation;
    expect(await codeOf(path, path === MODELS ? auditor : invoker)).toEqual([403, 'forbidden']);
  });

  it('is refused to keys that are not listed, revoked or for something else', async () => {
    expect(await codeOf(path, stranger)).toEqual([401, 'unauthenticated']);
    expect(await codeOf(path, revoked)).toEqual([401, 'key_revoked']);
    expect(await codeOf(path, unfit)).toEqual([401, 'key_unknown']);
  });

  it('is refused by another clock, changed, in an encoding, and with a member that it does not have', async () => {
    const member = whoMay(path);
    const signedAt = all.responder.clock.now() - 3_600;
    expect(await codeOf(path, member, { signedAt })).toEqual([401, 'clock_skew']);
    const change: SendOptions['tamper'] = ({ headers }) => {
      const flip = (_: string, first: string) => (first === 'A' ? ':B' : ':A');
      headers['signature'] = (headers['signature'] ?? '').replace(/:(.)/, flip);
    };
    expect(await codeOf(path, member, { tamper: change })).toEqual([401, 'signature_invalid']);
    const encode: SendOptions['tamper'] = ({ headers }) => void (headers['content-encoding'] = 'gzip');
    expect(await codeOf(path, member, { tamper: encode })).toEqual([415, 'unsupported_media_type']);
    const planted = `${path}${path.includes('?') ? '&' : '?'}planted=1`;
    expect(await codeOf(planted, member)).toEqual([400, 'validation_failed']);
  });

  it('is refused to everybody once the documents have expired', async () => {
    all.responder.clock.advance(91 * DAY_SECONDS);
    try {
      expect(await codeOf(path)).toEqual([403, 'trust_expired']);
    } finally {
      all.responder.clock.advance(-91 * DAY_SECONDS);
    }
  });
});

it.each(NOWHERE)('%s is not there', async (path) => {
  expect(await codeOf(path)).toEqual([404, 'not_found']);
});
