import { beforeAll, expect, it } from '@jest/globals';
import { generateKeyPair, loadSigner, mintId, utf8 } from '@bulla/crypto';
import type { WitnessSigner } from '@bulla/crypto/log';
import { cosignCheckpoint, encodeNoteKey, witnessKeyOf } from '@bulla/crypto/log';
import type { AuditCheckpoints } from '@bulla/contract';
import type { SendOptions } from '@bulla/service-kit/testing';
import type { TestMember } from '../test/asking.js';
import { suite } from '../test/suite.js';

// The problems of the route of witnesses: each is provoked at this service too.

const PATH = '/api/v1/audit/cosignatures';
const DAY_SECONDS = 86_400;
const all = suite({ limits: { auditIntervalMs: 20 } });
let witness: WitnessSigner;
let revoked: TestMember;
let unfit: TestMember;
let checkpoint: string;
beforeAll(async () => {
  const { organisation } = all;
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  witness = { key: await witnessKeyOf('w.example/1', publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
  const make = (name: string) => organisation.makeDevice(name, { roles: ['auditor'], groups: [] });
  [revoked, unfit] = [await make('leaver'), await make('unfit')];
  await organisation.publish((draft) => {
    draft.entities[revoked.urn] = revoked.entity;
    const keys = unfit.entity.keys.map((key) => (key.use === 'sig' ? { ...key, pur: ['tag' as const] } : key));
    draft.entities[unfit.urn] = { ...unfit.entity, keys };
    draft.revoked.push({ kid: revoked.sig.kid, reason: 'keyCompromise', at: organisation.now });
  });
  await organisation.publishPolicy((draft) => (draft.witnesses = { quorum: 1, keys: [encodeNoteKey(witness.key)] }));
  await all.refresh();
  // A refusal is the first thing that the log tells.
  await all.responder.client(organisation.invoker).get('/api/v1/audit/entries');
  checkpoint = await signedCheckpoint();
});

async function signedCheckpoint(): Promise<string> {
  for (;;) {
    const { body } = await all.responder.client(all.organisation.auditor).get('/api/v1/audit/checkpoint');
    const note = (body as AuditCheckpoints).data?.[0]?.checkpoint;
    if (typeof note === 'string') return note;
  }
}

const cosigned = (at = all.responder.clock.now()) => cosignCheckpoint(utf8(checkpoint), at, witness);

async function codeOf(body: unknown, as: TestMember = all.organisation.auditor, options: SendOptions = {}) {
  const { status, body: answer } = await all.responder.client(as).send('POST', PATH, { body, ...options });
  return [status, (answer as { code?: string }).code];
}

it('takes what a witness cosigned', async () => {
  expect(await codeOf({ checkpoint: await cosigned() })).toEqual([200, undefined]);
});

it('refuses who may not bring it', async () => {
  const body = { checkpoint: await cosigned() };
  const stranger = await all.organisation.makeDevice('stranger', { roles: ['auditor'], groups: [] });
  expect(await codeOf(body, all.organisation.invoker)).toEqual([403, 'forbidden']);
  expect(await codeOf(body, stranger)).toEqual([401, 'unauthenticated']);
  expect(await codeOf(body, revoked)).toEqual([401, 'key_revoked']);
  expect(await codeOf(body, unfit)).toEqual([401, 'key_unknown']);
});

it('refuses what is changed, late, encoded, too much or of another form', async () => {
  const [{ auditor }, body] = [all.organisation, { checkpoint: await cosigned() }];
  const signedAt = all.responder.clock.now() - 3_600;
  expect(await codeOf(body, auditor, { signedAt })).toEqual([401, 'clock_skew']);
  const change: SendOptions['tamper'] = ({ headers }) => {
    const flip = (_: string, first: string) => (first === 'A' ? ':B' : ':A');
    headers['signature'] = (headers['signature'] ?? '').replace(/:(.)/, flip);
  };
  expect(await codeOf(body, auditor, { tamper: change })).toEqual([401, 'signature_invalid']);
  const encode: SendOptions['tamper'] = ({ headers }) => void (headers['content-encoding'] = 'gzip');
  expect(await codeOf(body, auditor, { tamper: encode })).toEqual([415, 'unsupported_media_type']);
  expect(await codeOf({ checkpoint: 'x'.repeat(40_000) })).toEqual([413, 'payload_too_large']);
  expect(await codeOf({ ...body, planted: 1 })).toEqual([400, 'validation_failed']);
});

it('refuses what is cosigned of a log that is not there', async () => {
  const elsewhere = (await cosigned()).replaceAll('/audit/1', '/audit/7');
  expect(await codeOf({ checkpoint: elsewhere })).toEqual([404, 'not_found']);
});

it('refuses a key of another request, and does not say how one ends that is still at work', async () => {
  const body = { checkpoint: await cosigned() };
  const { keyid } = all.organisation.auditor;
  const row = { org: 'acme', keyid, request_sha256: 'of-another-request', answer: '{}' };
  const expires_at = Math.floor(Date.now() / 1000) + DAY_SECONDS;
  const [used, atWork] = [mintId('env'), mintId('env')];
  const { db } = all.database;
  await db
    .insertInto('idempotency')
    .values({ ...row, key: used, expires_at })
    .execute();
  expect(await codeOf(body, undefined, { idempotencyKey: used })).toEqual([422, 'idempotency_conflict']);
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('idempotency')
      .values({ ...row, key: atWork, expires_at })
      .execute();
    expect(await codeOf(body, undefined, { idempotencyKey: atWork })).toEqual([409, 'indeterminate']);
  });
});

it('refuses everybody once the documents have expired', async () => {
  const body = { checkpoint: await cosigned() };
  all.responder.clock.advance(91 * DAY_SECONDS);
  try {
    expect(await codeOf(body)).toEqual([403, 'trust_expired']);
  } finally {
    all.responder.clock.advance(-91 * DAY_SECONDS);
  }
});
