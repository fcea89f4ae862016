import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Service } from '@bulla/service-kit';
import { exchangeRaw, SignedClient } from '@bulla/service-kit/testing';
import { sql } from 'kysely';
import { mintId } from './authoring.js';
import type { TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';

// The problems of the edge, which stand once in the interface: each is provoked once.

const PROMPTS = '/api/v1/prompts';
let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

const at = (service: Service) =>
  new SignedClient(service, vault.acme.owner, { now: () => vault.clock.now(), contract });
const codeOf = ({ status, body }: { status: number; body: unknown }) => [status, (body as { code?: string }).code];

it('whoever asks too often is told so', async () => {
  const slow = at(await vault.startReplica({ rates: { keyPerSecond: 1 } }));
  const answers = [];
  while (answers.length < 12) answers.push(codeOf(await slow.get(PROMPTS)));
  expect(answers[0]).toEqual([200, undefined]);
  expect(answers.at(-1)).toEqual([429, 'rate_limited']);
});

it('a service without room for a body says that it is overloaded', async () => {
  const full = at(await vault.startReplica({ limits: { bodyBytesInFlightMax: 1 } }));
  const answer = await full.post(PROMPTS, { id: mintId('prm'), name: 'claims/edge', type: 'text' });
  expect(codeOf(answer)).toEqual([503, 'overloaded']);
});

it('too many headers, and a request that does not arrive', async () => {
  const headers = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`x-${index}`, 'x']));
  expect(codeOf(await at(vault.service).get(PROMPTS, { headers }))).toEqual([431, 'headers_too_large']);
  const slow = await vault.startReplica({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 300 } });
  const { port } = await slow.listen();
  const late = await exchangeRaw(port, `POST ${PROMPTS} HTTP/1.1\r\nhost: x\r\n`);
  contract.check('POST', PROMPTS, { ...late, headers: { 'content-type': 'application/problem+json' } });
  expect(codeOf(late)).toEqual([408, 'request_timeout']);
});

it('a fault of the service is one, without a word about it', async () => {
  await sql`alter table vault.prompt rename to gone`.execute(vault.database.db);
  const answer = await at(vault.service).get(PROMPTS);
  await sql`alter table vault.gone rename to prompt`.execute(vault.database.db);
  expect(codeOf(answer)).toEqual([500, 'internal']);
  expect(answer.text).not.toContain('prompt');
});
