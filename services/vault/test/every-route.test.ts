import { once } from 'node:events';
import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { may, ROUTES } from '@bulla/contract';
import type { IdPrefix } from '@bulla/crypto';
import type { RouteName } from '@bulla/contract';
import { sampled } from '@bulla/testkit';
import request from 'supertest';
import { mintId } from './authoring.js';
import { countOnce, expectAnyRefusal, expectRefusal, PLANTED } from './refusals.js';
import { renewerOf } from './freshening.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';
import type { Sample, Samples } from './samples.js';
import { callerOf as callerIn, isEmptyList, makeSamples, OF_ANOTHER_TYPE, sendAs, SIGNED_ROUTES } from './samples.js';

let vault: TestVault;
let samples: Samples;
beforeAll(async () => {
  vault = await startVault();
  samples = await makeSamples(vault);
  countOnce(vault);
  // Else it would listen and stop for each of some thousand requests. It is not started by that.
  const server: Server = vault.service.app.getHttpServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => vault.stop());

const sampleOf = (name: RouteName): Sample => {
  const sample = samples.of.get(name);
  if (sample === undefined) throw new Error(`no sample of ${name}`);
  return sample;
};
/** Whose samples change by what all the others are judged, so they come last. */
const PUBLISHING: readonly RouteName[] = ['root.publish', 'policy.publish', 'directory.publish', 'enrolment.approve'];
/**
 * Good requests for which this vault has nothing: an envelope that was never issued, no root key in shares, and nothing that
 * it has lost. It does not listen, so nobody has begun its audit log.
 */
const NOT_NOW: Partial<Record<RouteName, number>> = {
  'envelope.get': 404,
  'unsealing.get': 404,
  'unsealing.give': 404,
  'label.handback': 403,
  'audit.list': 404,
  'audit.get': 404,
  'audit.erase': 404,
  'audit.tile': 404,
  'audit.bundle': 404,
  'audit.prove': 404,
  'audit.cosign': 404,
};
const withBody = SIGNED_ROUTES.filter((name) => 'body' in ROUTES[name]);

describe.each(SIGNED_ROUTES)('%s refuses', (name) => {
  const route = ROUTES[name] as { permission: Parameters<typeof may>[1]; path: string; query?: unknown };
  const sample = () => sampleOf(name);

  it('everybody whose roles do not hold its permission', async () => {
    const { acme } = vault;
    const people = [acme.owner, acme.author, acme.invoker, acme.auditor];
    const members = [...people, acme.responders[0], renewerOf(acme)];
    const refused = members.filter(({ entity }) => !may(entity.roles, route.permission));
    for (const member of refused) await expectRefusal(vault, () => sendAs(vault, member, sample()), 403, 'forbidden');
    expect(refused.length).toBeGreaterThan(0);
  });

  it('a request without a signature', async () => {
    const { method, path, body } = sample();
    const send = () => {
      const verb = method.toLowerCase() as 'get';
      const { service } = vault;
      const agent = request(service.app.getHttpServer());
      const sending = agent[verb](path).set('host', service.authorities[0] ?? '');
      return body === undefined ? sending : sending.set('idempotency-key', mintId('env')).send(body);
    };
    await expectRefusal(vault, send, 401, 'unauthenticated');
  });

  it('a key that is not listed, and a listed name with another key', async () => {
    const { acme } = vault;
    const stranger = await acme.makeDevice('nobody', {
      roles: ['owner', 'author', 'invoker'],
      groups: ['grp:authors'],
    });
    await expectRefusal(vault, () => sendAs(vault, stranger, sample()), 401, 'unauthenticated');
    const signer = { ...stranger.signer, kid: acme.owner.sig.kid };
    const impostor = { keyid: acme.owner.keyid, signer };
    await expectRefusal(vault, () => sendAs(vault, impostor, sample()), 401, 'signature_invalid');
    const renamed = { keyid: acme.owner.keyid.replace('acme', 'other'), signer: acme.owner.signer };
    await expectRefusal(vault, () => sendAs(vault, renamed, sample()), 401, 'unauthenticated');
  });

  it('a request that was changed on its way', async () => {
    const { acme } = vault;
    const { method, path, headers, body } = sample();
    const options = { headers, ...(body === undefined ? {} : { body }) };
    const tamper = (sent: { headers: Record<string, string>; body: Buffer | undefined }) => {
      if (sent.body === undefined) sent.headers['signature'] = changed(sent.headers['signature'] ?? '');
      else sent.body = Buffer.concat([sent.body, Buffer.from(' ')]);
    };
    await expectAnyRefusal(vault, () => vault.clientOf(acme.owner).send(method, path, { ...options, tamper }));
  });

  it('a member that the query does not have', async () => {
    const { path } = sample();
    const changedPath = `${path}${path.includes('?') ? '&' : '?'}planted=${PLANTED}`;
    await expectRefusal(
      vault,
      () => sendAs(vault, callerOf(name), { ...sample(), path: changedPath }),
      400,
      'validation_failed',
    );
  });

  if (/\{(id|jti)\}/.test(route.path)) {
    it('an id that is none', async () => {
      for (const bad of [
        'prm_kestrel-planted-value',
        'prm_01KB0000000000000000000000',
        "prm_01kb000000000000000000000'",
        '%00',
      ]) {
        const path = sample().path.replace(/[a-z]{3}_[0-9a-z]{26}/, bad);
        await expectAnyRefusal(vault, () => sendAs(vault, callerOf(name), { ...sample(), path }));
      }
    });

    it('an id of another organisation, and one that is nowhere [guard: org-prompt] [guard: org-version]', async () => {
      const { other } = vault;
      const member = callerOf(name, other);
      const expectsOwnToken = ['version.create', 'label.move', 'label.confirm'].includes(name);
      const [status, code] = expectsOwnToken ? ([400, 'envelope_tampered'] as const) : ([404, 'not_found'] as const);
      await expectRefusal(vault, () => sendAs(vault, member, sample()), status, code);
      const path = sample().path.replace(/(prm|apr|ivt|enr|job)_[0-9a-z]{26}/, (_id, kind: IdPrefix) => mintId(kind));
      await expectRefusal(vault, () => sendAs(vault, callerOf(name), { ...sample(), path }), status, code);
    });
  }

  if (route.query !== undefined && name !== 'prompt.find') {
    it.each([
      'limit=0',
      'limit=201',
      'limit=x',
      'limit=1e1',
      'limit=5&limit=6',
      'cursor=',
      'cursor=%00',
      `cursor=${PLANTED}`,
    ])('a query with %s', async (member) => {
      const path = sample().path.replace(/[?&]limit=5/, '');
      const changedPath = `${path}${path.includes('?') ? '&' : '?'}${member}`;
      await expectRefusal(
        vault,
        () => sendAs(vault, callerOf(name), { ...sample(), path: changedPath }),
        400,
        'validation_failed',
      );
    });

    it('a cursor that no page gave', async () => {
      const places = [
        [1e300, 'x'],
        [-1, 1],
        [1.5],
        ['a\u0000', 'b'],
        [{}, []],
        {},
        null,
        'x',
        [9e15, 9e15],
        ['a', 9e15],
        [9e15, 'a'],
      ];
      for (const place of places) {
        const cursor = Buffer.from(JSON.stringify(place)).toString('base64url');
        const path = `${sample().path}&cursor=${cursor}`;
        await expectRefusal(
          vault,
          () => sendAs(vault, callerOf(name), { ...sample(), path }),
          400,
          'validation_failed',
        );
      }
    });
  }
});

describe.each(withBody)('%s refuses a body', (name) => {
  const sample = () => sampleOf(name);
  const expectRefused = (body: unknown) =>
    expectRefusal(vault, () => sendAs(vault, callerOf(name), sample(), body), 400, 'validation_failed');

  it('with a member of another type, or without one', async () => {
    const good = sample().body ?? {};
    const wrong = Object.keys(good).flatMap((member) => {
      const { [member]: _without, ...rest } = good;
      const others = OF_ANOTHER_TYPE.filter((bad) => !(member === 'groups' && isEmptyList(bad)));
      return [...others.map((bad) => ({ ...rest, [member]: bad })), ...(member === 'uses' ? [] : [rest])];
    });
    for (const body of sampled(wrong, 16)) await expectRefused(body);
  });

  it('with a member too many, one twice, or no object at all', async () => {
    const good = sample().body ?? {};
    await expectRefused({ ...good, [PLANTED]: PLANTED });
    await expectRefused({ ...good, constructor: PLANTED });
    const [member = ''] = Object.keys(good);
    await expectRefused(
      `${JSON.stringify(good).slice(0, -1)},${JSON.stringify(member)}:${JSON.stringify(good[member])}}`,
    );
    for (const text of ['[]', 'null', '7', `"${PLANTED}"`, '{', `{${PLANTED}}`, ' ', '\ufeff{}'])
      await expectRefused(text);
    await expectRefused(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]));
  });

  it('longer than it may be', async () => {
    const good = sample().body ?? {};
    const limit = (ROUTES[name] as { bodyBytesMax?: number }).bodyBytesMax ?? 1_048_576;
    const body = `${JSON.stringify(good)}${' '.repeat(limit)}`;
    await expectRefusal(vault, () => sendAs(vault, callerOf(name), sample(), body), 413, 'payload_too_large');
  });

  it.each(['short', 'with a space in between', 'x'.repeat(129)])('under the Idempotency-Key "%s"', async (key) => {
    const { method, path, headers, body } = sample();
    const send = () => vault.clientOf(callerOf(name)).send(method, path, { headers, body, idempotencyKey: key });
    await expectRefusal(vault, send, 400, 'validation_failed');
  });

  if ('if-match' in (ROUTES[name] as { headers: { shape: object } }).headers.shape) {
    it('without If-Match, or with one that is no number', async () => {
      const { method, path, body } = sample();
      const send = (headers: Record<string, string>) => () =>
        vault.clientOf(callerOf(name)).send(method, path, { headers, body });
      await expectRefusal(vault, send({}), 428, 'precondition_required');
      for (const tag of ['*', '1', '"01"', '"-1"', 'W/"1"', '"1", "2"', `"${PLANTED}"`]) {
        await expectRefusal(vault, send({ 'if-match': tag }), 400, 'validation_failed');
      }
    });
  }
});

describe('tokens changed at any byte are refused', () => {
  it.each([
    ['version.create', 'content'],
    ['label.move', 'tags'],
    ['label.freshen', 'fresh'],
    ['directory.freshen', 'fresh'],
    ['directory.publish', 'directory'],
    ['policy.publish', 'policy'],
    ['root.publish', 'root'],
    ['enrolment.approve', 'directory'],
  ] as const)('%s: %s', async (name, member) => {
    const sample = sampleOf(name);
    const value = sample.body?.[member];
    const token = Array.isArray(value) ? String(value[0]) : String(value);
    const step = Math.ceil(token.length / 40);
    const positions = Array.from({ length: Math.ceil(token.length / step) }, (_, index) => index * step);
    for (const position of sampled(positions, 12)) {
      const bad = changed(token, position);
      const body = { ...sample.body, [member]: Array.isArray(value) ? [bad] : bad };
      await expectAnyRefusal(vault, () => sendAs(vault, callerOf(name), sample, body));
    }
  });

  it('and the samples are good: each is taken by the right caller', async () => {
    // What stands at a position is confirmed before its label moves on.
    const first: RouteName[] = ['label.confirm'];
    const last: RouteName[] = ['grant.delete', 'prompt.delete'];
    const between = SIGNED_ROUTES.filter((name) => ![...first, ...last].includes(name));
    const names = [...first, ...between, ...last];
    for (const name of names) {
      if (PUBLISHING.includes(name)) continue;
      const { status, text } = await sendAs(vault, callerOf(name), sampleOf(name));
      expect([name, status, text]).toEqual([name, NOT_NOW[name] ?? ROUTES[name].status, text]);
    }
    for (const name of ['policy.publish', 'enrolment.approve'] as const) {
      const { status, text } = await sendAs(vault, callerOf(name), sampleOf(name));
      expect([name, status, text]).toEqual([name, ROUTES[name].status, text]);
    }
    // Only one directory follows another; the approval brought it. Roots: roots.test.ts.
    for (const name of ['directory.publish', 'root.publish'] as const) {
      const { status } = await sendAs(vault, callerOf(name), sampleOf(name));
      expect([name, status]).toEqual([name, 412]);
    }
  });
});

describe('what does not exist is not there', () => {
  it.each([
    ['POST', '/api/v1/runs'],
    ['GET', '/api/v1/api-keys'],
    ['POST', '/api/v1/invocations'],
    ['GET', '/api/v1/nothing'],
  ] as const)('%s %s', async (method, path) => {
    const body = method === 'POST' ? { body: {} } : {};
    await expectRefusal(vault, () => vault.clientOf(vault.acme.owner).send(method, path, body), 404, 'not_found');
  });

  it('and a known address does not know every method', async () => {
    const response = await expectRefusal(
      vault,
      () => vault.clientOf(vault.acme.owner).put('/api/v1/prompts', {}),
      405,
      'method_not_allowed',
    );
    expect(response.status).toBe(405);
  });
});

it('a signature is good for one request', async () => {
  const { acme } = vault;
  const author = vault.clientOf(acme.author);
  const nonce = 'bm9uY2Utb2YtYS10ZXN0LTE2';
  const body = () => ({ id: mintId('prm'), name: `nonce/${mintId('prm').slice(4)}`, type: 'text' });
  expect((await author.post('/api/v1/prompts', body(), { nonce })).status).toBe(201);
  await expectRefusal(vault, () => author.post('/api/v1/prompts', body(), { nonce }), 401, 'unauthenticated');
});

it('nothing that was planted or sealed is in the log', () => {
  const log = vault.log.join('\n');
  expect(log).toContain('trust-loaded');
  expect(log).not.toContain(PLANTED);
  expect(log).not.toContain(samples.prompt.version.content);
  expect(log).not.toContain('"code":"internal"');
  expect(log).not.toContain('request-failed');
});

/** Who may use a route. */
function callerOf(name: RouteName, organisation = vault.acme) {
  return callerIn(name, organisation);
}

function changed(token: string, position = 12): string {
  return token.slice(0, position) + (token[position] === 'A' ? 'B' : 'A') + token.slice(position + 1);
}
