import type { Signer } from '@bulla/crypto';
import { utf8 } from '@bulla/crypto';
import { requestSummary, requestTargetOf, signResponse } from '@bulla/crypto/http';
import { ServiceKeys } from '@bulla/service-kit';
import { TestClock } from '@bulla/service-kit/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RenewedResponder } from '../../test/renewed-responder.js';
import { renewedResponder } from '../../test/renewed-responder.js';
import { VaultRequests } from '../vault/vault-requests.js';
import { VaultGrants } from './vault-grants.js';

// What a responder takes from its vault: what the vault signed for this very request, and nothing else.

interface Told {
  /** It is asked, and says nothing. */
  readonly isSilent?: boolean;
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  /** The vault unless given; null signs nothing. */
  readonly signer?: Signer | null;
}

const NOTHING = JSON.stringify({ data: [], next_cursor: null });
let renewed: RenewedResponder;
let server: Server;
let grants: VaultGrants;
const stopping = new AbortController().signal;
let told: Told;
let asked: { method?: string | undefined; url?: string | undefined; signature?: unknown }[];
beforeAll(async () => {
  renewed = await renewedResponder();
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { organisation, member } = renewed;
  const keys = await ServiceKeys.load(member.keyFile);
  grants = new VaultGrants(
    new VaultRequests(
      { vaultUrl: `http://127.0.0.1:${port}/`, stopping },
      keys,
      new TestClock(organisation.now * 1000),
    ),
  );
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  [told, asked] = [{}, []];
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = request;
  asked.push({ method, url, signature: headers['signature-input'] });
  const { status = 200, body = NOTHING, headers: more = {}, signer = renewed.organisation.vault.signer } = told;
  if (told.isSilent === true) return;
  const summary = requestSummary(
    requestTargetOf(method, new URL(url, `http://${headers.host}`)),
    String(headers['signature']),
  );
  const contentType = 'application/json';
  const keyid = `${renewed.organisation.vault.urn}#${signer?.kid}`;
  const signed =
    signer === null || status !== 200
      ? {}
      : await signResponse(
          { status, contentType, body: utf8(body), request: summary },
          { keyid, signer, now: renewed.organisation.now },
        );
  response.writeHead(status, { 'content-type': contentType, ...signed, ...more }).end(body);
}

const collect = () => grants.collect(renewed.trust, { kid: renewed.old.kid, limit: 64 });

describe('what a vault answers a responder', () => {
  it('is asked for under a signature, and taken where the vault signed it', async () => {
    await expect(collect()).resolves.toEqual({ data: [], next_cursor: null });
    const keyid = `${renewed.member.urn}#${renewed.member.sig.kid}`;
    expect(asked).toEqual([
      {
        method: 'GET',
        url: `/api/v1/grants?kid=${renewed.old.kid}&limit=64`,
        signature: expect.stringContaining(keyid),
      },
    ]);
  });

  it('is nothing where it is not signed, or not by the vault [guard: moves-signed]', async () => {
    for (const signer of [null, renewed.organisation.owner.signer]) {
      told = { signer };
      await expect(collect()).rejects.toMatchObject({ code: 'not_signed' });
    }
  });

  it('is read no further than the longest page [guard: moves-size]', async () => {
    told = { body: JSON.stringify({ data: [], next_cursor: null, more: 'x'.repeat(1024 * 1024) }) };
    await expect(collect()).rejects.toMatchObject({ code: 'too_large' });
  });

  it.each<[string, Told, string, number | undefined]>([
    ['that there was too much', { status: 429, headers: { 'retry-after': '3' } }, 'busy', 3_000],
    ['that it has too much to do, for ever', { status: 503, headers: { 'retry-after': '9999' } }, 'busy', 30_000],
    ['when to come back, in words', { status: 503, headers: { 'retry-after': 'soon' } }, 'busy', 1_000],
    ['no', { status: 403 }, 'refused', undefined],
    ['something else', { body: '{"data":7}' }, 'malformed', undefined],
    ['nothing that is JSON', { body: '{' }, 'malformed', undefined],
  ])('may be %s', async (_what, saying, code, waitMs) => {
    told = saying;
    await expect(collect()).rejects.toMatchObject({ code, waitMs });
  });

  it('may be nothing at all', async () => {
    const keys = await ServiceKeys.load(renewed.member.keyFile);
    const nobody = new VaultGrants(
      new VaultRequests({ vaultUrl: 'http://127.0.0.1:9', stopping }, keys, new TestClock(0)),
    );
    await expect(nobody.move(renewed.trust, ['a.b.c.d.e'])).rejects.toMatchObject({ code: 'no_connection' });
  });

  it('is not waited for when the service ends', async () => {
    told = { isSilent: true };
    const own = new AbortController();
    const { port } = server.address() as AddressInfo;
    const place = { vaultUrl: `http://127.0.0.1:${port}`, stopping: own.signal };
    const keys = await ServiceKeys.load(renewed.member.keyFile);
    const requests = new VaultRequests(place, keys, new TestClock(renewed.organisation.now * 1000));
    const asking = new VaultGrants(requests).move(renewed.trust, ['a.b.c.d.e']).catch((error: unknown) => error);
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    own.abort();
    expect(await asking).toMatchObject({ code: 'stopping' });
  });
});
