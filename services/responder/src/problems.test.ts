import { beforeAll, describe, expect, it } from '@jest/globals';
import { exchangeRaw } from '@bulla/service-kit/testing';
import { sql } from 'kysely';
import { ask, storePrompt } from '../test/asking.js';
import type { Asked, StoredPrompt, TestMember } from '../test/asking.js';
import { contract, startResponder } from '../test/responder-fixture.js';
import { suite } from '../test/suite.js';

// The problems that every route of its sort can have, and those of the edge: each is provoked at this service.

const RUN = '/api/v1/invocations';
const JSON_PROBLEM = { 'content-type': 'application/problem+json' };
const all = suite();
let prompt: StoredPrompt;
let asked: Asked;
beforeAll(async () => {
  prompt = await storePrompt(all.organisation);
  asked = await ask(all.organisation, prompt);
});

const codeOf = ({ status, body }: { status: number; body: unknown }) => [status, (body as { code?: string }).code];
/** Another responder on the same database. */
const startAnother = (options: Partial<Parameters<typeof startResponder>[0]>) =>
  startResponder({ organisation: all.organisation, vault: all.vault, database: all.database, ...options });

describe('a run is refused', () => {
  const send = (options: object, as: TestMember = all.organisation.invoker) =>
    all.responder.client(as).send('POST', RUN, { body: asked.body, ...options });

  it('by another clock, in an encoding, and longer than it may be', async () => {
    const signedAt = all.responder.clock.now() - 3_600;
    expect(codeOf(await send({ signedAt }))).toEqual([401, 'clock_skew']);
    const tamper = ({ headers }: { headers: Record<string, string> }) => void (headers['content-encoding'] = 'gzip');
    expect(codeOf(await send({ tamper }))).toEqual([415, 'unsupported_media_type']);
    expect(codeOf(await send({ body: ' '.repeat(9_000_000) }))).toEqual([413, 'payload_too_large']);
  });

  it('to a key that nobody lists, that is for something else or revoked, and to a changed signature', async () => {
    const { organisation } = all;
    const device = await organisation.makeDevice('leaver', { roles: ['invoker'], groups: [] });
    const unfit = await organisation.makeDevice('unfit', { roles: ['invoker'], groups: [] });
    expect(codeOf(await send({}, device))).toEqual([401, 'unauthenticated']);
    const tamper = (sent: { headers: Record<string, string> }) => {
      sent.headers['signature'] = (sent.headers['signature'] ?? '').replace(/:(.)/, (_, first) =>
        first === 'A' ? ':B' : ':A',
      );
    };
    expect(codeOf(await send({ tamper }))).toEqual([401, 'signature_invalid']);
    await organisation.publish((draft) => {
      draft.entities[device.urn] = device.entity;
      const keys = unfit.entity.keys.map((key) => (key.use === 'sig' ? { ...key, pur: ['tag' as const] } : key));
      draft.entities[unfit.urn] = { ...unfit.entity, keys };
      draft.revoked.push({ kid: device.sig.kid, reason: 'keyCompromise', at: organisation.now });
    });
    await all.refresh();
    expect(codeOf(await send({}, device))).toEqual([401, 'key_revoked']);
    expect(codeOf(await send({}, unfit))).toEqual([401, 'key_unknown']);
  });
});

describe('what anybody may ask is refused', () => {
  it.each(['/health/live', '/health/ready', '/', '/api/openapi.json', '/api/docs'])(
    '%s with a second Host, and in an encoding',
    async (path) => {
      const send = async (header: string) => {
        const request = `GET ${path} HTTP/1.1\r\nhost: x\r\n${header}\r\nconnection: close\r\n\r\n`;
        const answer = await exchangeRaw(Number(new URL(all.responder.url).port), request);
        contract.check('GET', path, { ...answer, headers: JSON_PROBLEM });
        return codeOf(answer);
      };
      expect(await send('Host: evil.example')).toEqual([400, 'validation_failed']);
      expect(await send('Content-Encoding: gzip')).toEqual([415, 'unsupported_media_type']);
    },
  );
});

describe('at the edge', () => {
  it('whoever asks too often is told so', async () => {
    const slow = await startAnother({ rates: { keyPerSecond: 1 } });
    const answers = [];
    while (answers.length < 12) answers.push(codeOf(await slow.client(all.organisation.auditor).post(RUN, asked.body)));
    await slow.service.close();
    expect(answers[0]).toEqual([403, 'forbidden']);
    expect(answers.at(-1)).toEqual([429, 'rate_limited']);
  });

  it('no room for a body, too many headers, and a request that does not arrive', async () => {
    const full = await startAnother({ limits: { bodyBytesInFlightMax: 1 } });
    const { invoker } = all.organisation;
    expect(codeOf(await full.client(invoker).post(RUN, asked.body))).toEqual([503, 'overloaded']);
    await full.service.close();
    const headers = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`x-${index}`, 'x']));
    const many = await all.responder.client(invoker).post(RUN, asked.body, { headers });
    expect(codeOf(many)).toEqual([431, 'headers_too_large']);
    const hasty = await startAnother({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 300 } });
    const late = await exchangeRaw(Number(new URL(hasty.url).port), `POST ${RUN} HTTP/1.1\r\nhost: x\r\n`);
    await hasty.service.close();
    contract.check('POST', RUN, { ...late, headers: JSON_PROBLEM });
    expect(codeOf(late)).toEqual([408, 'request_timeout']);
  });

  it('a fault of the service is one, without a word about it', async () => {
    const question = await ask(all.organisation, prompt);
    await sql`alter table responder.invocation rename to gone`.execute(all.database.db);
    const answer = await all.send(question);
    await sql`alter table responder.gone rename to invocation`.execute(all.database.db);
    expect(codeOf(answer)).toEqual([500, 'internal']);
    expect(answer.text).not.toContain('invocation');
  });
});
