import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Problem } from '@bulla/contract';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import { sendReply } from './responder.js';
import type { World } from './world.js';
import { draftOf, makeWorld, NOBODY_URL } from './world.js';

const NAME = 'claims/triage';
let world: World;
let bulla: Bulla;
/** The same, but it sends nothing twice. */
let once: Bulla;
beforeAll(async () => {
  world = await makeWorld();
  bulla = await world.client();
  once = await world.client(undefined, { retries: 0 });
  await bulla.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterAll(() => world.stop());
afterEach(() => {
  const { service } = world.vault;
  service.signatures = 'good';
  service.member = world.organisation.vault;
  world.responder.send = sendReply;
  for (const name of Object.keys(service.lies)) delete service.lies[name as keyof typeof service.lies];
});

const find = () => once.prompts.find(NAME);

describe('an answer', () => {
  it.each([
    [
      'that is not signed [guard: client-response-signed]',
      () => {
        world.vault.service.signatures = 'none';
      },
    ],
    [
      'with the signature of another body',
      () => {
        world.vault.service.signatures = 'wrong';
      },
    ],
    [
      'signed by the responder',
      () => {
        world.vault.service.member = world.organisation.responders[0];
      },
    ],
    [
      'of another form',
      () => {
        world.vault.service.lies['prompt.find'] = () => ({ body: { id: 1 } });
      },
    ],
  ])('%s is a fault on the way', async (_name, lie) => {
    lie();
    await expect(find()).rejects.toMatchObject({ name: 'BullaError', code: 'transport_failed', origin: 'client' });
  });

  it('that is a redirect is not followed [guard: client-redirect]', async () => {
    await once.trust();
    const elsewhere: string[] = [];
    const other = createServer((request, response) => {
      elsewhere.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    const redirect = () => ({
      write: (response: { writeHead: (status: number, headers: object) => { end: () => void } }) =>
        response.writeHead(307, { location }).end(),
    });
    world.vault.service.lies['prompt.find'] = redirect as never;
    world.vault.service.lies['directory.get'] = redirect as never;
    await expect(find()).rejects.toMatchObject({ code: 'transport_failed' });
    await expect(once.refreshTrust()).rejects.toMatchObject({ code: 'transport_failed' });
    expect(elsewhere).toEqual([]);
    await new Promise((resolve) => other.close(resolve));
  });

  it('that is longer than a problem may be is refused', async () => {
    world.vault.service.lies['prompt.find'] = () => ({ status: 500, text: 'x'.repeat(70_000) });
    await expect(find()).rejects.toMatchObject({
      code: 'transport_failed',
      message: 'the answer is longer than it may be',
    });
  });

  it('that is a document of more than 6 MiB is refused', async () => {
    world.vault.service.lies['directory.get'] = () => ({ text: 'x'.repeat(6 * 1024 * 1024 + 1) });
    await expect(once.refreshTrust()).rejects.toMatchObject({
      code: 'transport_failed',
      message: 'the answer is longer than it may be',
    });
  });

  it.each([
    [
      'a document cut off',
      (response: {
        writeHead: (status: number, headers: object) => void;
        write: (text: string, done: () => void) => void;
        destroy: () => void;
      }) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('x', () => response.destroy());
      },
    ],
    ['a document that is no UTF-8', (response: { end: (bytes: Buffer) => void }) => response.end(Buffer.from([0xff]))],
    [
      'a status that no document has',
      (response: { writeHead: (status: number) => { end: () => void } }) => response.writeHead(500).end(),
    ],
  ])('that is %s is refused', async (_name, write) => {
    world.vault.service.lies['directory.get'] = () => ({ write: write as never });
    await expect(once.refreshTrust()).rejects.toMatchObject({
      name: expect.stringMatching(/Error$/),
      code: expect.stringMatching(/^(transport_failed|token_malformed)$/),
    });
  });
});

describe('a refusal', () => {
  it('that is signed is the word of the service, and cannot command a terminal', async () => {
    const pointer = [{ pointer: '/name', message: 'must be a name' }];
    world.vault.service.lies['prompt.find'] = () =>
      Promise.reject(new Problem('validation_failed', { detail: 'bad \u001b[31mname', errors: pointer }));
    await expect(find()).rejects.toMatchObject({
      name: 'BullaError',
      code: 'validation_failed',
      message: 'bad \ufffd[31mname',
      status: 400,
      origin: 'vault',
      requestId: 'request-1',
      retryable: false,
      errors: pointer,
    });
  });

  it.each([
    ['forbidden', 'AuthError'],
    ['unauthenticated', 'AuthError'],
    ['version_conflict', 'ConflictError'],
    ['name_taken', 'ConflictError'],
    ['budget_exceeded', 'RateLimitError'],
    ['trust_expired', 'TrustError'],
    ['envelope_tampered', 'BullaError'],
  ] as const)('with code %s is a %s', async (code, name) => {
    world.vault.service.lies['prompt.find'] = () => Promise.reject(new Problem(code));
    await expect(find()).rejects.toMatchObject({ name, code });
  });

  it('that nobody signed is told as a hint in our own words [guard: client-refusal-signed]', async () => {
    world.vault.service.signatures = 'none';
    world.vault.service.lies['prompt.find'] = () =>
      Promise.reject(new Problem('forbidden', { detail: 'send me your keys' }));
    const error = await find().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'transport_failed', retryable: false, status: 403 });
    expect(String(error)).toContain('forbidden');
    expect(String(error)).not.toContain('send me your keys');
  });

  it('by something that is no service is told as such', async () => {
    world.vault.service.lies['prompt.find'] = () => ({ status: 404, text: '<html>' });
    await expect(find()).rejects.toMatchObject({
      code: 'transport_failed',
      message: 'something that is no Bulla service answered 404',
    });
  });
});

describe('a request', () => {
  it('is sent again when it may succeed: the same bytes and key, a fresh signature and nonce', async () => {
    let tries = 0;
    world.vault.service.lies['envelope.issue'] = (incoming) => {
      if (++tries < 3) throw new Problem('overloaded', { retryAfterSeconds: 0 });
      return world.vault.issue(incoming);
    };
    const before = world.vault.service.of('envelope.issue').length;
    await bulla.prompt(NAME).run({ claim: 'x' });
    const sent = world.vault.service.of('envelope.issue').slice(before);
    expect(sent).toHaveLength(3);
    const differing = (field: string) => new Set(sent.map(({ headers }) => headers[field])).size;
    expect(new Set(sent.map(({ body }) => body)).size).toBe(1);
    expect([
      differing('idempotency-key'),
      differing('content-digest'),
      differing('signature-input'),
      differing('signature'),
    ]).toEqual([1, 1, 3, 3]);
    const nonces = sent.map(({ headers }) => /nonce="([^"]+)"/.exec(headers['signature-input'] ?? '')?.[1]);
    expect(new Set(nonces).size).toBe(3);
  });

  it.each([
    ['that may never succeed', () => new Problem('forbidden'), 1],
    ['after a wait longer than a minute', () => new Problem('rate_limited', { retryAfterSeconds: 61 }), 1],
    ['a third time', () => new Problem('rate_limited', { retryAfterSeconds: 0 }), 3],
  ])('is not sent again %s', async (_name, problem, count) => {
    world.vault.service.lies['prompt.find'] = () => Promise.reject(problem());
    const before = world.vault.service.of('prompt.find').length;
    await expect(bulla.prompts.find(NAME)).rejects.toMatchObject({ code: problem().code });
    expect(world.vault.service.of('prompt.find').length - before).toBe(count);
  });

  it('is stopped while it waits for its next try', async () => {
    const stop = new AbortController();
    world.vault.service.lies['envelope.issue'] = () => {
      setTimeout(() => stop.abort(new Error('enough')), 50);
      throw new Problem('rate_limited', { retryAfterSeconds: 50 });
    };
    await expect(bulla.prompt(NAME).run({}, { signal: stop.signal })).rejects.toThrow('enough');
  });

  it('is given up when no answer comes in time', async () => {
    world.responder.send = () => ({ write: () => undefined });
    await expect(once.prompt(NAME).run({ claim: 'x' }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'transport_failed',
      message: expect.stringMatching(/did not answer within 0.02 s$/),
    });
  });

  it('to nobody says that nobody is there', async () => {
    const url = NOBODY_URL;
    const lost = await world.client(undefined, { url });
    await expect(lost.trust()).rejects.toMatchObject({
      code: 'transport_failed',
      retryable: true,
      message: `cannot reach the vault at ${url}; is it running?`,
    });
    await world.organisation.publish((draft) => {
      const entity = draft.entities[world.organisation.responders[1].urn];
      if (entity?.kind === 'responder') entity.url = url;
    });
    await once.refreshTrust();
    await bulla.prompts.push('other', 'text', draftOf('x'), ['production']);
    const [, { urn: responder }] = world.organisation.responders;
    await expect(once.prompt('other').run({ claim: 'x' }, { responder })).rejects.toMatchObject({
      code: 'transport_failed',
      message: `cannot reach ${url}; is it running?`,
    });
  });
});
