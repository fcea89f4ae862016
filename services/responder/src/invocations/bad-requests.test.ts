import { beforeAll, describe, expect, it } from '@jest/globals';
import { mintId, urnOf } from '@bulla/crypto';
import { ask, storePrompt } from '../../test/asking.js';
import type { Asked } from '../../test/asking.js';
import { suite } from '../../test/suite.js';

const all = suite();
let asked: Asked;
/** Stands in every bad value; no answer may hold it. */
const ECHO = 'zzEchoCanaryzz';

beforeAll(async () => {
  asked = await ask(all.organisation, await storePrompt(all.organisation));
});

function withBundle(change: Record<string, unknown>): unknown {
  return { ...asked.body, bundle: { ...asked.body.bundle, ...change } };
}

function flipped(token: string, part: number): string {
  const parts = token.split('.');
  const text = parts[part] ?? '';
  return parts.with(part, `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`).join('.');
}

const CASES: readonly {
  readonly name: string;
  readonly body: () => unknown;
  readonly status: number;
  readonly code: string;
}[] = [
  { name: 'no members', body: () => ({}), status: 400, code: 'validation_failed' },
  { name: 'an array', body: () => [], status: 400, code: 'validation_failed' },
  { name: 'a string', body: () => JSON.stringify(ECHO), status: 400, code: 'validation_failed' },
  { name: 'null', body: () => 'null', status: 400, code: 'validation_failed' },
  { name: 'no JSON', body: () => `{"bundle": ${ECHO}`, status: 400, code: 'validation_failed' },
  { name: 'duplicate members', body: () => `{"inv":"a","inv":"${ECHO}"}`, status: 400, code: 'validation_failed' },
  { name: 'a prototype', body: () => `{"__proto__":{"${ECHO}":1}}`, status: 400, code: 'validation_failed' },
  {
    name: 'bytes that are no UTF-8',
    body: () => new Uint8Array([0x7b, 0xff, 0x7d]),
    status: 400,
    code: 'validation_failed',
  },
  { name: 'depth', body: () => `${'['.repeat(5000)}${']'.repeat(5000)}`, status: 400, code: 'validation_failed' },
  { name: 'no bundle', body: () => ({ inv: asked.body.inv }), status: 400, code: 'validation_failed' },
  { name: 'no question', body: () => ({ bundle: asked.body.bundle }), status: 400, code: 'validation_failed' },
  { name: 'an unknown member', body: () => ({ ...asked.body, [ECHO]: 1 }), status: 400, code: 'validation_failed' },
  {
    name: 'an unknown member in the bundle',
    body: () => withBundle({ [ECHO]: 1 }),
    status: 400,
    code: 'validation_failed',
  },
  {
    name: 'a question of another type',
    body: () => ({ ...asked.body, inv: 7 }),
    status: 400,
    code: 'validation_failed',
  },
  {
    name: 'a question that is no token',
    body: () => ({ ...asked.body, inv: `${ECHO} ${ECHO}` }),
    status: 400,
    code: 'validation_failed',
  },
  {
    name: 'a question of three parts',
    body: () => ({ ...asked.body, inv: `${ECHO}.${ECHO}.${ECHO}` }),
    status: 400,
    code: 'validation_failed',
  },
  {
    name: 'a question that is too long for a stored prompt',
    body: () => ({ ...asked.body, inv: ECHO.repeat(40_000) }),
    status: 413,
    code: 'payload_too_large',
  },
  {
    name: 'an envelope that is no token',
    body: () => withBundle({ env: `${ECHO}.${ECHO}.${ECHO}` }),
    status: 400,
    code: 'validation_failed',
  },
  { name: 'a bundle of another version', body: () => withBundle({ v: 2 }), status: 400, code: 'validation_failed' },
  {
    name: 'a bundle without its grant',
    body: () => withBundle({ grant: undefined }),
    status: 400,
    code: 'validation_failed',
  },
  {
    name: 'a bundle without its content',
    body: () => withBundle({ content: undefined }),
    status: 400,
    code: 'validation_failed',
  },
  {
    name: 'an envelope with another header',
    body: () => withBundle({ env: flipped(asked.body.bundle.env, 0) }),
    status: 400,
    code: 'validation_failed',
  },
  {
    name: 'an envelope with another signature',
    body: () => withBundle({ env: flipped(asked.body.bundle.env, 2) }),
    status: 401,
    code: 'signature_invalid',
  },
  {
    name: 'another grant',
    body: () => withBundle({ grant: flipped(asked.body.bundle.grant ?? '', 3) }),
    status: 400,
    code: 'envelope_tampered',
  },
  {
    name: 'another content',
    body: () => withBundle({ content: flipped(asked.body.bundle.content ?? '', 3) }),
    status: 400,
    code: 'envelope_tampered',
  },
  {
    name: 'a question with another key',
    body: () => ({ ...asked.body, inv: flipped(asked.body.inv, 1) }),
    status: 400,
    code: 'open_failed',
  },
  {
    name: 'a question with another text',
    body: () => ({ ...asked.body, inv: flipped(asked.body.inv, 3) }),
    status: 400,
    code: 'open_failed',
  },
  {
    name: 'a question with another tag',
    body: () => ({ ...asked.body, inv: flipped(asked.body.inv, 4) }),
    status: 400,
    code: 'open_failed',
  },
];

describe('POST /api/v1/invocations refuses', () => {
  it.each(CASES)('$name: $code', async ({ body, status, code }) => {
    const response = await all.responder.client(all.organisation.invoker).post('/api/v1/invocations', body());
    expect(response.body).toMatchObject({ code, status, origin: 'responder' });
    expect(response.status).toBe(status);
    expect(response.text).not.toContain(ECHO);
    // Who signed the request gets a signed refusal.
    await all.responder
      .client(all.organisation.invoker)
      .verify(response, all.organisation.trust, all.organisation.responders[0].urn);
  });

  it.each([
    ['an author', () => all.organisation.author],
    ['an auditor', () => all.organisation.auditor],
  ])('the right signature of the wrong role, %s: forbidden', async (_name, who) => {
    const response = await all.send(asked, who());
    expect(response.status).toBe(403);
    expect(response.body).toMatchObject({ code: 'forbidden' });
  });

  it('a key that nobody knows: unauthenticated', async () => {
    const stranger = await all.organisation.makeDevice('stranger', { roles: ['invoker'], groups: ['grp:support'] });
    const response = await all.send(asked, stranger);
    expect(response.status).toBe(401);
    expect(response.body).toMatchObject({ code: 'unauthenticated' });
    expect(response.headers).not.toHaveProperty('signature');
  });

  it('another organisation: unauthenticated', async () => {
    const { invoker } = all.organisation;
    const keyid = `${urnOf('other', 'dev', mintId('dev'))}#${invoker.sig.kid}`;
    const response = await all.send(asked, { ...invoker, keyid });
    expect(response.body).toMatchObject({ code: 'unauthenticated' });
  });

  it('another content type: unsupported_media_type', async () => {
    const headers = { 'content-type': 'text/plain' };
    const response = await all.responder
      .client(all.organisation.invoker)
      .post('/api/v1/invocations', asked.body, { headers });
    expect(response.status).toBe(415);
  });
});
