import { setTimeout as pause } from 'node:timers/promises';
import type { KeyRecord, Trust } from '@bulla/crypto';
import { mintId } from '@bulla/crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SendOptions, TestResponse } from '../src/testing.js';
import { SignedClient } from '../src/testing.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny, TinyTrust } from './tiny-vault.js';

let tiny: Tiny;
beforeAll(async () => {
  tiny = await startTiny();
});
afterAll(() => tiny.stop());

const newThing = () => ({ id: mintId('prm'), name: 'claims/triage', type: 'text' });
const verify = (response: TestResponse) => tiny.owner.verify(response, tiny.acme.trust, tiny.acme.vault.urn);
const lastAudit = async () =>
  (await tiny.database.db.selectFrom('audit_event').selectAll().orderBy('at', 'desc').limit(1).execute())[0];
const countThings = async () => (await tiny.database.db.selectFrom('thing').selectAll().execute()).length;

describe('a signed request', () => {
  it('is answered, and the answer is signed by the service for this request', async () => {
    const thing = newThing();
    const made = await tiny.owner.post('/api/v1/prompts', thing);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ id: thing.id, name: thing.name });
    const read = await tiny.owner.get(`/api/v1/prompts/${thing.id}`);
    expect(read.status).toBe(200);
    await expect(verify(made)).resolves.toBeUndefined();
    await expect(verify(read)).resolves.toBeUndefined();
    await expect(verify({ ...made, request: read.request })).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('gets its answer by DELETE without a body, signed too', async () => {
    const gone = await tiny.owner.delete(`/api/v1/prompts/${mintId('prm')}`);
    expect(gone).toMatchObject({ status: 204, text: '' });
    await expect(verify(gone)).resolves.toBeUndefined();
  });

  it('hands numbers, headers and the moment of its arrival to the handler', async () => {
    const published = await tiny.owner.put(
      '/api/v1/organisations/acme/directory',
      { directory: '{"a":1}' },
      { headers: { 'if-match': '"41"' } },
    );
    expect(published).toMatchObject({
      status: 200,
      body: { version: 42 },
      headers: { etag: '"42"', 'x-tiny': 'kept' },
    });
    const listed = await tiny.owner.get('/api/v1/prompts?limit=7&prefix=claims/');
    const [arrivedAt, query = ''] = (listed.body as { next_cursor: string }).next_cursor.split('-');
    expect(Number(arrivedAt)).toBe(tiny.clock.now());
    const asked: unknown = JSON.parse(Buffer.from(query, 'base64url').toString());
    expect(asked).toEqual({ limit: 7, prefix: 'claims/', status: 'active' });
  });

  it('leaves an audit row that says who, what and by which evidence, and no text', async () => {
    const thing = newThing();
    const made = await tiny.owner.post('/api/v1/prompts', thing, { headers: { 'x-request-id': 'my-request-1' } });
    expect(made.headers['x-request-id']).toBe('my-request-1');
    const row = await lastAudit();
    expect(row).toMatchObject({ org: 'acme', request_id: 'my-request-1' });
    expect(row?.event).toMatchObject({
      v: 1,
      act: 'prompt.create',
      res: 'ok',
      who: { type: 'device', kid: tiny.acme.owner.sig.kid },
      obj: { prompt: thing.id },
      ev: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(JSON.stringify(row)).not.toContain('claims/triage');
  });
});

describe('refuses a request', () => {
  const past: SendOptions = { signedAt: 0 };
  const at = (seconds: number): SendOptions => ({ signedAt: tiny.clock.now() + seconds });
  type Change = NonNullable<SendOptions['tamper']>;
  const tampers: [string, Change, number, string][] = [
    [
      'that is not signed',
      ({ headers }) => ['signature', 'signature-input'].forEach((name) => delete headers[name]),
      401,
      'unauthenticated',
    ],
    ['whose signature is cut off', ({ headers }) => delete headers['signature'], 400, 'validation_failed'],
    [
      'whose signature is another [guard: request-signature]',
      ({ headers }) =>
        (headers['signature'] = headers['signature']?.replace(/:(.)/, (_, c) => `:${c === 'A' ? 'B' : 'A'}`) ?? ''),
      401,
      'signature_invalid',
    ],
    [
      'whose body was changed',
      (sent) => (sent.body = Buffer.from(`${sent.body?.toString().replace('triage', 'triagf')}`)),
      401,
      'signature_invalid',
    ],
    ['whose path was changed', (sent) => (sent.path = `/api/v1/prompts?prefix=a`), 401, 'signature_invalid'],
    [
      'whose key for retries was changed',
      ({ headers }) => (headers['idempotency-key'] = '0123456789abcdef'),
      401,
      'signature_invalid',
    ],
    [
      'with a second key for retries before the signed one [guard: request-raw-fields]',
      ({ headers }) => Object.assign(headers, { 'idempotency-key': ['0123456789abcdef', headers['idempotency-key']] }),
      401,
      'signature_invalid',
    ],
    [
      'with a condition that is not signed [refuses: if-match-uncovered]',
      ({ headers }) => (headers['if-match'] = '"1"'),
      400,
      'validation_failed',
    ],
    [
      'whose content type is another',
      ({ headers }) => (headers['content-type'] = 'application/json;v=2'),
      401,
      'signature_invalid',
    ],
    [
      'with a digest of something else',
      ({ headers }) => (headers['content-digest'] = `sha-256=:${'A'.repeat(43)}=:`),
      401,
      'signature_invalid',
    ],
    [
      'for another host [guard: request-host]',
      ({ headers }) => (headers['host'] = 'vault.example'),
      400,
      'validation_failed',
    ],
    ['for a host that is none', ({ headers }) => (headers['host'] = '!!'), 400, 'validation_failed'],
  ];
  it.each(tampers)('%s', async (_name, tamper, status, code) => {
    const before = await countThings();
    const refused = await tiny.owner.post('/api/v1/prompts', newThing(), { tamper });
    expect(refused).toMatchObject({ status, body: { status, code, origin: 'vault' } });
    expect(refused.headers['signature']).toBeUndefined();
    expect(await countThings()).toBe(before);
  });

  it.each([
    ['signed long ago [guard: request-times]', () => past],
    ['signed two minutes ago', () => at(-121)],
    ['signed in the future', () => at(62)],
  ])('%s, with the time in a signed answer', async (_name, options) => {
    const refused = await tiny.owner.post('/api/v1/prompts', newThing(), options());
    expect(refused).toMatchObject({
      status: 401,
      body: { code: 'clock_skew', time: new Date(tiny.clock.nowMs()).toISOString() },
    });
    expect(refused.headers['www-authenticate']).toBe('Signature');
    await expect(verify(refused)).resolves.toBeUndefined();
  });

  it.each([
    ['a minute and a bit ago', -110],
    ['a minute ahead', 60],
  ])('not, when it was signed %s', async (_name, seconds) => {
    expect(await tiny.owner.post('/api/v1/prompts', newThing(), at(seconds))).toMatchObject({ status: 201 });
  });

  it('by a key of an organisation that is not here', async () => {
    const { owner } = tiny.acme;
    const stranger = { keyid: owner.keyid.replace(':acme:', ':elsewhere:'), signer: owner.signer };
    const refused = await tiny.clientOf(stranger).get('/api/v1/prompts');
    expect(refused).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(TinyTrust.refreshes).not.toContain('elsewhere');
  });

  it('by a key under the name of another holder', async () => {
    const { owner, author } = tiny.acme;
    const mixed = { keyid: `${author.urn}#${owner.sig.kid}`, signer: owner.signer };
    expect(await tiny.clientOf(mixed).get('/api/v1/prompts')).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    });
  });

  it('by a key that is revoked, without an answer that is signed for it [guard: request-key-state]', async () => {
    const device = await tiny.acme.makeDevice('leaver', { roles: ['author'], groups: ['grp:authors'] });
    await tiny.acme.publish((draft) => void (draft.entities[device.urn] = device.entity));
    expect(await tiny.clientOf(device).get('/api/v1/prompts')).toMatchObject({ status: 200 });
    await tiny.acme.publish(
      (draft) => void draft.revoked.push({ kid: device.sig.kid, reason: 'keyCompromise', at: tiny.clock.now() }),
    );
    const refused = await tiny.clientOf(device).get('/api/v1/prompts');
    expect(refused).toMatchObject({ status: 401, body: { code: 'key_revoked' } });
    expect(refused.headers['signature']).toBeUndefined();
  });

  it('by a key that is not yet valid [refuses: key-pending]', async () => {
    const device = await tiny.acme.makeDevice('early', { roles: ['author'], groups: ['grp:authors'] });
    const later = { nbf: tiny.clock.now() + 600 } satisfies Partial<KeyRecord>;
    const keys = device.entity.keys.map((key) => ({ ...key, ...later }));
    await tiny.acme.publish((draft) => void (draft.entities[device.urn] = { ...device.entity, keys } as never));
    expect(await tiny.clientOf(device).get('/api/v1/prompts')).toMatchObject({
      status: 401,
      body: { code: 'key_revoked' },
    });
  });

  it('by a key of another purpose, such as the one of the vault for envelopes', async () => {
    const { vault } = tiny.acme;
    await tiny.acme.publish((draft) =>
      draft.entities[vault.urn]?.keys.forEach((key) => {
        if (key.pur.includes('http')) key.pur = ['envelope'];
      }),
    );
    expect(await tiny.clientOf(vault).get('/api/v1/prompts')).toMatchObject({
      status: 401,
      body: { code: 'key_unknown' },
    });
    await tiny.acme.publish((draft) =>
      draft.entities[vault.urn]?.keys.forEach((key) => {
        if (key.pur.includes('envelope')) key.pur = ['http', 'envelope'];
      }),
    );
  });

  it('of somebody who may not, in signed words and with a row in the audit log [guard: permission]', async () => {
    const refused = await tiny.auditor.post('/api/v1/prompts', newThing());
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    await expect(verify(refused)).resolves.toBeUndefined();
    const row = await lastAudit();
    expect(row?.event).toMatchObject({ act: 'prompt.create', res: 'denied', why: 'forbidden', obj: {} });
    expect(row?.event).toMatchObject({ who: { kid: tiny.acme.auditor.sig.kid } });
  });

  it('for the organisation of others, as if there were none [guard: own-organisation]', async () => {
    const refused = await tiny.owner.put(
      '/api/v1/organisations/other/directory',
      { directory: '{"a":1}' },
      { headers: { 'if-match': '"1"' } },
    );
    expect(refused).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('for what belongs to another organisation, as if there were none', async () => {
    const thing = newThing();
    await tiny.owner.post('/api/v1/prompts', thing);
    const foreign = tiny.clientOf(tiny.other.owner);
    expect(await foreign.get(`/api/v1/prompts/${thing.id}`)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  /** What another process lets through to routes of three kinds, this many days later. */
  async function statusesAfter(days: number): Promise<number[]> {
    const [renewer] = tiny.acme.renewers;
    if (renewer === undefined) throw new Error('acme has a renewer');
    const on = { headers: { 'if-match': '"1"' } };
    const later = await startTiny({ like: tiny });
    later.clock.advance(days * 86_400);
    const asked = await later.owner.get('/api/v1/prompts');
    const { code } = asked.body as { code?: string };
    expect([asked.status, code]).toEqual(asked.status === 200 ? [200, undefined] : [403, 'trust_expired']);
    await expect(verify(asked)).resolves.toBeUndefined();
    // Of this service it is a path without a handler, which is not what the vault's interface says of it.
    const renewing = await new SignedClient(later.service, renewer, { now: () => later.clock.now() }).get(
      '/api/v1/labels',
    );
    const published = await later.owner.put('/api/v1/organisations/acme/directory', { directory: '{"a":1}' }, on);
    await later.stop();
    return [asked, renewing, published].map(({ status }) => status);
  }
  /** The route has no handler here. */
  const LET_THROUGH = 404;

  it('while nobody calls the directory the newest, but for renewers, and for newer documents [guard: request-fresh]', async () => {
    expect(await statusesAfter(6)).toEqual([200, LET_THROUGH, 200]);
    expect(await statusesAfter(8)).toEqual([403, LET_THROUGH, 200]);
    const { acme } = tiny;
    const later = acme.now + 8 * 86_400;
    TinyTrust.stale = await acme.trust.withFreshness([await acme.freshDirectory(later)], later);
    expect(await statusesAfter(8)).toEqual([200, LET_THROUGH, 200]);
    TinyTrust.stale = undefined;
  });

  it('while the documents have expired, renewers too, but for newer ones [guard: request-unexpired]', async () => {
    const { acme } = tiny;
    const later = acme.now + 91 * 86_400;
    TinyTrust.stale = await acme.trust.withFreshness([await acme.freshDirectory(later)], later);
    expect(await statusesAfter(91)).toEqual([403, 403, 200]);
    TinyTrust.stale = undefined;
  });
});

describe('a key that is newer than the directory at hand', () => {
  let newcomer: Awaited<ReturnType<typeof tiny.acme.makeDevice>>;
  let stale: Trust;
  beforeAll(async () => {
    newcomer = await tiny.acme.makeDevice('newcomer', { roles: ['author'], groups: ['grp:authors'] });
    stale = tiny.acme.trust;
    await tiny.acme.publish((draft) => void (draft.entities[newcomer.urn] = newcomer.entity));
  });
  beforeEach(() => {
    tiny.clock.advance(2);
    TinyTrust.stale = stale;
    TinyTrust.refreshes.length = 0;
  });
  afterEach(() => {
    TinyTrust.stale = TinyTrust.until = undefined;
  });
  const ask = () => tiny.clientOf(newcomer).get('/api/v1/prompts');
  /** By a key that nobody holds. */
  const nobody = () => ({ keyid: `${newcomer.urn}#${tiny.other.owner.sig.kid}`, signer: tiny.other.owner.signer });

  it('is looked for again for who comes after a look: they wait for the next', async () => {
    expect(await ask()).toMatchObject({ status: 200 });
    TinyTrust.stale = stale;
    expect(await ask()).toMatchObject({ status: 200 });
    expect(TinyTrust.refreshes).toEqual(['acme', 'acme']);
  });

  it('is found by the look that another of its requests began [guard: look-joined]', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    TinyTrust.until = promise;
    const both = [ask()];
    while (TinyTrust.refreshes.length === 0) await pause(1);
    TinyTrust.stale = stale;
    both.push(ask());
    // It has come to that look before it ends.
    await pause(50);
    TinyTrust.stale = undefined;
    resolve();
    expect(await Promise.all(both)).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(TinyTrust.refreshes).toEqual(['acme']);
  });

  it('is not looked for while many wait for that [guard: look-waiting]', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    TinyTrust.until = promise;
    const answered: number[] = [];
    const askOnce = async () => answered.push((await tiny.clientOf(nobody()).get('/api/v1/prompts')).status);
    const many = Array.from({ length: 65 }, askOnce);
    for (let looked = 0; looked < 400 && answered.length === 0; looked++) await pause(10);
    const atOnce = answered.length;
    resolve();
    await Promise.all(many);
    expect([atOnce, new Set(answered)]).toEqual([1, new Set([401])]);
  });
});

describe('a vault in several organisations', () => {
  it('signs under the name it has in the organisation of the caller', async () => {
    const foreign = tiny.clientOf(tiny.other.owner);
    await tiny.other.publish((draft) => {
      const { vault } = tiny.acme;
      draft.entities[tiny.other.vault.urn] = vault.entity;
    });
    const answer = await foreign.get('/api/v1/prompts');
    await expect(foreign.verify(answer, tiny.other.trust, tiny.other.vault.urn)).resolves.toBeUndefined();
  });
});
