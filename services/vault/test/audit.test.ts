import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditEvent, ROUTES } from '@bulla/contract';
import type { RouteName } from '@bulla/contract';
import { sql } from 'kysely';
import { bodyOf, mintId, must } from './authoring.js';
import { expectRefusal } from './refusals.js';
import { manageOne } from './managing.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';
import type { Samples } from './samples.js';
import { callerOf, makeSamples, sendAs } from './samples.js';

/** Routes that change something, or give away something sealed: nothing of it without an audit row. */
const RECORDED: RouteName[] = [
  'invitation.create',
  'invitation.delete',
  'enrolment.refuse',
  'prompt.create',
  'version.create',
  'version.entrust',
  'version.get',
  'label.freshen',
  'directory.freshen',
  'label.move',
  'grant.add',
  'grant.collect',
  'grant.move',
  'envelope.issue',
  'key.rotate',
  'job.cancel',
  'grant.delete',
  'enrolment.approve',
  'policy.publish',
  'prompt.delete',
];

describe.each<Store>(['PostgreSQL', 'PGlite'])('on %s', (store) => {
  let vault: TestVault;
  let samples: Samples;
  beforeAll(async () => {
    vault = await startVault(store);
    samples = await makeSamples(vault);
    // The first KEK of the organisation is in the log, too.
    await manageOne(vault);
  });
  afterAll(() => vault.stop());

  const sampleOf = (name: RouteName) => samples.of.get(name) ?? failed(name);
  const rows = () => vault.database.db.selectFrom('audit_event').selectAll().orderBy('at').execute();

  const run = (statement: string) => sql.raw(statement).execute(vault.database.db);
  const send = (name: RouteName) => sendAs(vault, callerOf(name, vault.acme), sampleOf(name));

  // One after the other: what the samples are about is gone after the last.
  it('what changes something or gives it away does nothing without an audit row, and leaves one that fits the closed union', async () => {
    await run(`create function vault.refuse() returns trigger language plpgsql as
      $$ begin raise exception using errcode = '53100', message = 'the disk is full'; end $$`);
    for (const name of RECORDED) {
      await run('create trigger refuse before insert on vault.audit_outbox execute function vault.refuse()');
      const [effects, before] = [await vault.countEffects(), (await rows()).length];
      const refused = await send(name);
      await run('drop trigger refuse on vault.audit_outbox');
      const { status, headers } = refused;
      const told = [name, status, bodyOf(refused)['code'], headers['retry-after']];
      expect(told).toEqual([name, 503, 'overloaded', '1']);
      expect([name, await vault.countEffects()]).toEqual([name, effects]);
      const done = await send(name);
      expect([name, done.status, done.status === 204 ? '' : typeof done.body]).toEqual([
        name,
        ROUTES[name].status,
        ROUTES[name].status === 204 ? '' : 'object',
      ]);
      const [row, ...more] = (await rows()).slice(before);
      expect([name, more]).toEqual([name, []]);
      const { keyid, entity, signer } = callerOf(name, vault.acme);
      expect(AuditEvent.parse(row?.event)).toMatchObject({
        act: name,
        res: 'ok',
        who: { type: entity.kind, kid: signer.kid },
        req: expect.any(String),
        ev: expect.any(String),
      });
      expect([row?.org, row?.request_id]).toEqual(['acme', done.headers['x-request-id']]);
      expect(JSON.stringify(row)).not.toContain(keyid);
    }
  });

  it('a root does nothing without its audit rows, and leaves one for each document that came', async () => {
    const own = await startVault(store);
    const { of } = await makeSamples(own);
    const { db } = own.database;
    const sample = of.get('root.publish') ?? failed('root.publish');
    const publish = () => sendAs(own, callerOf('root.publish', own.acme), sample);
    const acts = () => db.selectFrom('audit_event').select('event').orderBy('at').execute();
    const refusing = `create function vault.refuse() returns trigger language plpgsql as
      $$ begin raise exception using errcode = '53100', message = 'the disk is full'; end $$`;
    await sql.raw(refusing).execute(db);
    await sql
      .raw('create trigger refuse before insert on vault.audit_outbox execute function vault.refuse()')
      .execute(db);
    const [effects, before] = [await own.countEffects(), (await acts()).length];
    must(503, await publish());
    expect(await own.countEffects()).toEqual(effects);
    await sql.raw('drop trigger refuse on vault.audit_outbox').execute(db);
    must(200, await publish());
    const written = (await acts()).slice(before).map(({ event }) => AuditEvent.parse(event).act);
    expect(written.toSorted()).toEqual(['directory.publish', 'policy.publish', 'root.publish']);
    await own.stop();
  });

  it('a refusal leaves one row that says why, and its signature is spent', async () => {
    const { acme } = vault;
    const before = (await rows()).length;
    const nonce = 'bm9uY2Utb2YtYS1yZWZ1c2Fs';
    const body = { id: mintId('prm'), name: 'refused/prompt', type: 'text' };
    const forbidden = () => vault.clientOf(acme.invoker).post('/api/v1/prompts', body, { nonce });
    await expectRefusal(vault, forbidden, 403, 'forbidden');
    const taken = { ...body, id: samples.prompt.id };
    await expectRefusal(vault, () => vault.clientOf(acme.author).post('/api/v1/prompts', taken), 409, 'name_taken');
    const events = (await rows()).slice(before).map(({ event }) => AuditEvent.parse(event));
    expect(events).toMatchObject([
      { act: 'prompt.create', res: 'denied', why: 'forbidden', obj: {}, req: nonce },
      { act: 'prompt.create', res: 'denied', why: 'name_taken', obj: {} },
    ]);
    const spent = await vault.database.db.selectFrom('http_nonce').selectAll().where('nonce', '=', nonce).execute();
    expect(spent).toMatchObject([{ org: 'acme', keyid: acme.invoker.keyid }]);
  });

  it('every row of the log fits the closed union and bears no text, token or name', async () => {
    const refused = { id: mintId('prm'), name: 'refused/prompt', type: 'text' };
    for (let n = 0; n < 6; n++) await vault.clientOf(vault.acme.invoker).post('/api/v1/prompts', refused);
    const all = await rows();
    expect(all.length).toBeGreaterThan(15);
    for (const { event } of all) expect(AuditEvent.safeParse(event)).toMatchObject({ success: true });
    const text = JSON.stringify(all);
    for (const secret of ['kestrel', 'claims/triage', 'samples/new']) expect(text).not.toContain(secret);
    expect(tokensIn(text)).toEqual([]);
    // The control: it finds those that there are.
    expect(tokensIn(samples.prompt.version.content)).toHaveLength(1);
    expect(tokensIn(JSON.stringify(vault.acme.documents.directory)).length).toBeGreaterThan(0);
  });

  it('what is stored shows nothing of what is sealed', async () => {
    const tables = [
      'prompt',
      'prompt_version',
      'content_grant',
      'prompt_label',
      'label_freshness',
      'directory_freshness',
      'idempotency',
      'audit_event',
    ] as const;
    let bytes = 0;
    for (const table of tables) {
      const text = JSON.stringify(await vault.database.db.selectFrom(table).selectAll().execute());
      bytes += text.length;
      expect(text).not.toContain('kestrel-plaintext-canary');
    }
    expect(bytes).toBeGreaterThan(10_000);
  });

  it('an organisation sees and moves nothing of another, whatever it asks [guard: org-list]', async () => {
    const { other } = vault;
    const client = vault.clientOf(other.owner);
    expect(bodyOf<{ data: unknown[] }>(must(200, await client.get('/api/v1/prompts?limit=200'))).data).toEqual([]);
    const byName = `/api/v1/prompts/by-name?name=${encodeURIComponent(samples.prompt.name)}`;
    await expectRefusal(vault, () => client.get(byName), 404, 'not_found');
    const orgs = await vault.database.db.selectFrom('audit_event').select('org').distinct().execute();
    expect(new Set(orgs.map(({ org }) => org))).toEqual(new Set(['acme', 'other']));
  });
});

/** Where tokens and documents begin: JSON objects in base64url. Their first letters alone stand in many a hash. */
function tokensIn(text: string): string[] {
  const found = text.match(/eyJ[\w-]+/g) ?? [];
  return found.filter((one) => /^\{"\w+":["[{\d]/.test(Buffer.from(one, 'base64url').toString('latin1')));
}

function failed(name: string): never {
  throw new Error(`no sample of ${name}`);
}
