import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROUTES, targetOf } from '@bulla/contract';
import type { Route, RouteName } from '@bulla/contract';
import { timestampOf } from '@bulla/crypto';
import { exchangeRaw } from '@bulla/service-kit/testing';
import type { SendOptions } from '@bulla/service-kit/testing';
import { findPostgres } from '@bulla/testkit';
import request from 'supertest';
import { basedOn, mintId, must } from './authoring.js';
import { enrol, invite, newcomerWith } from './enrolling.js';
import { expectRefusal } from './refusals.js';
import { rewriteMarks } from './restoring.js';
import type { TestMember, TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';
import type { Sample, Samples } from './samples.js';
import { callerOf, makeSamples, sendAs, SIGNED_ROUTES } from './samples.js';

// The problems that every route of its sort can have: each is provoked at each of them.

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
const route = (name: RouteName): Route => ROUTES[name];
const idempotent = SIGNED_ROUTES.filter((name) => route(name).headers?.shape['idempotency-key'] !== undefined);
const standing = SIGNED_ROUTES.filter((name) => route(name).judgedBy !== 'expired');
const ofOwnOrganisation = SIGNED_ROUTES.filter((name) => route(name).path.includes('{org}'));
/** What moves nothing until an admin has seen what a restored vault has. */
const STOPPED: readonly RouteName[] = [
  'root.publish',
  'policy.publish',
  'directory.publish',
  'enrolment.approve',
  'prompt.create',
  'version.create',
  'version.entrust',
  'label.move',
  'label.confirm',
  'approval.give',
];
/** Only a server has two connections, of which one can wait for the other. */
const describeOnServer = findPostgres() === undefined ? describe.skip : describe;

/** Nobody signs such a header: it is put in afterwards. */
const encode: NonNullable<SendOptions['tamper']> = ({ headers }) => void (headers['content-encoding'] = 'gzip');

let vault: TestVault;
let samples: Samples;
let revoked: TestMember;
/** Its key signs labels and no requests. */
let unfit: TestMember;
beforeAll(async () => {
  vault = await startVault();
  [revoked, unfit] = await unusableDevices();
  samples = await makeSamples(vault);
});
afterAll(() => vault.stop());

describe.each(SIGNED_ROUTES)('%s refuses', (name) => {
  it('what was signed by another clock', async () => {
    const signedAt = vault.clock.now() - HOUR_SECONDS;
    await expectRefusal(vault, () => sendWith(name, { signedAt }), 401, 'clock_skew');
  });

  it('a key that was revoked', async () => {
    await expectRefusal(vault, () => sendAs(vault, revoked, sampleOf(name)), 401, 'key_revoked');
  });

  it('a key that is listed for something else', async () => {
    await expectRefusal(vault, () => sendAs(vault, unfit, sampleOf(name)), 401, 'key_unknown');
  });

  it('a body in an encoding', async () => {
    await expectRefusal(vault, () => sendWith(name, { tamper: encode }), 415, 'unsupported_media_type');
  });
});

it.each(standing)('%s refuses everybody once the documents have expired', async (name) => {
  vault.clock.advance(91 * DAY_SECONDS);
  try {
    await expectRefusal(vault, () => sendWith(name), 403, 'trust_expired');
  } finally {
    vault.clock.advance(-91 * DAY_SECONDS);
  }
});

it.each(idempotent)('%s refuses an Idempotency-Key that was used for another request', async (name) => {
  const row = idempotencyRow(name);
  await vault.database.db.insertInto('idempotency').values(row).execute();
  await expectRefusal(vault, () => sendWith(name, { idempotencyKey: row.key }), 422, 'idempotency_conflict');
});

describeOnServer('on PostgreSQL', () => {
  it('none says how another request with its Idempotency-Key ends that is still at work', async () => {
    const newcomer = await newcomerWith(await invite(vault), vault.acme);
    const enrolling = { ...idempotencyRow('prompt.create'), keyid: newcomer.asker.keyid };
    const asked = [
      { row: enrolling, send: () => enrol(vault, newcomer, {}, { idempotencyKey: enrolling.key }) },
      ...idempotent.map((name) => {
        const row = idempotencyRow(name);
        return { row, send: () => sendWith(name, { idempotencyKey: row.key }) };
      }),
    ];
    const answers: unknown[] = [];
    // Each holds a connection for the two seconds that it waits, so there are never many.
    while (asked.length > 0) {
      const some = asked.splice(0, 4);
      await vault.database.db.transaction().execute(async (trx) => {
        const rows = some.map(({ row }) => row);
        await trx.insertInto('idempotency').values(rows).execute();
        const told = await Promise.all(some.map(({ send }) => send()));
        answers.push(...told.map(({ status, body }) => [status, (body as { code?: string }).code]));
      });
    }
    expect(answers).toEqual([0, ...idempotent].map(() => [409, 'indeterminate']));
  });
});

it.each(ofOwnOrganisation)('%s is not there for another organisation', async (name) => {
  const path = sampleOf(name).path.replace('/acme', '/other');
  await expectRefusal(vault, () => sendWith(name, { path }), 404, 'not_found');
});

it.each<RouteName>(['directory.publish', 'enrolment.approve'])('%s takes no expired directory', async (name) => {
  const { acme, clock } = vault;
  const directory = await acme.signDirectory((draft) => {
    draft.expires = timestampOf(clock.now() + HOUR_SECONDS);
  });
  clock.advance(2 * HOUR_SECONDS);
  try {
    await expectRefusal(vault, () => sendWith(name, { body: { directory } }), 403, 'trust_expired');
  } finally {
    clock.advance(-2 * HOUR_SECONDS);
  }
});

it('what moves something waits for an admin once the vault was restored', async () => {
  const { acme } = vault;
  await rewriteMarks(vault.database);
  vault.clock.advance(1);
  for (const name of STOPPED) await expectRefusal(vault, () => sendWith(name), 409, 'vault_restored');
  const resume = { directory: acme.trust.directory.version };
  must(200, await vault.clientOf(acme.owner).post('/api/v1/organisations/acme/resume', resume));
});

describe('what anybody may ask refuses', () => {
  let port: number;
  beforeAll(async () => {
    ({ port } = await vault.service.listen());
  });
  const open: [RouteName, path: string][] = [
    ['root.get', '/.well-known/bulla/acme/root/1.json'],
    ['policy.get', '/.well-known/bulla/acme/policy.json'],
    ['directory.get', '/.well-known/bulla/acme/directory.json'],
    ['directory.hashes', '/.well-known/bulla/acme/directory/hashes?from=1'],
    ['directory.freshness', '/.well-known/bulla/acme/fresh.json'],
    ['organisation.restored', '/.well-known/bulla/acme/restored.json'],
    ['health.live', '/health/live'],
    ['health.ready', '/health/ready'],
    ['interface.index', '/'],
    ['interface.document', '/api/openapi.json'],
    ['interface.page', '/api/docs'],
  ];

  it.each(open)('%s: a second Host, and an encoding', async (_name, path) => {
    const ask = async (header: string) => {
      const answer = await exchangeRaw(
        port,
        `GET ${path} HTTP/1.1\r\nhost: x\r\n${header}\r\nconnection: close\r\n\r\n`,
      );
      contract.check('GET', path, { ...answer, headers: { 'content-type': 'application/problem+json' } });
      return answer;
    };
    await expectRefusal(vault, () => ask('Host: evil.example'), 400, 'validation_failed');
    await expectRefusal(vault, () => ask('Content-Encoding: gzip'), 415, 'unsupported_media_type');
  });
});

it.each(['root/1.json', 'policy.json', 'directory.json', 'fresh.json', 'restored.json'])(
  '%s is not there of an organisation that the vault does not have',
  async (document) => {
    await expectRefusal(vault, () => vault.get(`/.well-known/bulla/nobody/${document}`), 404, 'not_found');
  },
);

describe('a device that asks to be let in is refused', () => {
  it('with an encoding, and a query', async () => {
    const newcomer = await newcomerWith(await invite(vault), vault.acme);
    const encoded = { tamper: encode };
    await expectRefusal(vault, () => enrol(vault, newcomer, {}, encoded), 415, 'unsupported_media_type');
    const own = vault.clientOf(newcomer.asker);
    const path = targetOf('enrolment.get', { id: newcomer.id });
    await expectRefusal(vault, () => own.get(path, encoded), 415, 'unsupported_media_type');
    await expectRefusal(vault, () => own.get(`${path}?planted=1`), 400, 'validation_failed');
  });
});

describe('documents that anybody may send are refused', () => {
  const routes: [RouteName, method: 'put' | 'post', path: string][] = [
    ['organisation.create', 'put', '/api/v1/organisations/acme'],
    ['organisation.handback', 'post', '/api/v1/organisations/acme/handback'],
  ];

  it.each(routes)('%s: another body, in an encoding, and too much', async (name, method, path) => {
    const send = async (body: object | string, headers: Readonly<Record<string, string>> = {}) => {
      const agent = request(vault.service.app.getHttpServer())[method](path);
      const secret = { authorization: 'Bootstrap third-secret-of-the-tests', 'content-type': 'application/json' };
      const response = await agent.set({ ...secret, ...headers }).send(body);
      contract.check(method.toUpperCase(), path, response);
      return response;
    };
    await expectRefusal(vault, () => send({ planted: 1 }), 400, 'validation_failed');
    await expectRefusal(vault, () => send({}, { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
    const long = ' '.repeat((route(name).bodyBytesMax ?? 0) + 1);
    await expectRefusal(vault, () => send(long), 413, 'payload_too_large');
  });
});

function sampleOf(name: RouteName): Sample {
  const sample = samples.of.get(name);
  if (sample === undefined) throw new Error(`no sample of ${name}`);
  return sample;
}

interface Changes {
  readonly path?: string;
  readonly body?: object;
  readonly signedAt?: number;
  readonly idempotencyKey?: string;
  readonly tamper?: NonNullable<SendOptions['tamper']>;
}

/** A sample by who may send it, sent in another way. */
function sendWith(name: RouteName, { path, ...changes }: Changes = {}) {
  const sample = sampleOf(name);
  const withBody = sample.body === undefined ? {} : { body: sample.body };
  const client = vault.clientOf(callerOf(name, vault.acme));
  const options = { ...withBody, ...changes, headers: sample.headers };
  return client.send(sample.method, path ?? sample.path, options);
}

/** As another request of the same key leaves it. */
function idempotencyRow(name: RouteName) {
  const { keyid } = callerOf(name, vault.acme);
  const key = mintId('env');
  const expires_at = Math.floor(Date.now() / 1000) + DAY_SECONDS;
  return { org: 'acme', keyid, key, request_sha256: 'of-another-request', answer: '{}', expires_at };
}

/** Devices in the directory that the vault has: one is revoked, the key of the other is for something else. */
async function unusableDevices(): Promise<[TestMember, TestMember]> {
  const { acme } = vault;
  const rights = { roles: ['owner' as const, 'author' as const, 'invoker' as const], groups: ['grp:authors'] };
  const [leaver, tagger] = [await acme.makeDevice('revoked', rights), await acme.makeDevice('unfit', rights)];
  const from = acme.trust.directory.version;
  await acme.publish((draft) => {
    draft.entities[leaver.urn] = leaver.entity;
    draft.revoked.push({ kid: leaver.sig.kid, reason: 'keyCompromise', at: acme.now });
    const keys = tagger.entity.keys.map((key) => (key.use === 'sig' ? { ...key, pur: ['tag' as const] } : key));
    draft.entities[tagger.urn] = { ...tagger.entity, keys };
  });
  const { directory } = acme.documents;
  must(200, await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)));
  return [leaver, tagger];
}
