import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope } from '@bulla/crypto';
import { commitSettings } from '@bulla/service-kit/testing';
import type { Wire } from '@bulla/testkit';
import { findPostgres, openWire } from '@bulla/testkit';
import { sql } from 'kysely';
import { ManagedGrants } from '../src/managed/custody/managed-grants.js';
import { EnvelopeMaterialRepository } from '../src/envelopes/envelope-material.repository.js';
import type { Bundle, PromptRef, SealedVersion } from './authoring.js';
import { bodyOf, mintId, moveLabel, must, publishPrompt, pushVersion, tokenHash } from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const PATH = '/api/v1/envelopes';

describe.each<Store>(['PostgreSQL', 'PGlite'])('an envelope on %s', (store) => {
  let vault: TestVault;
  let prompt: PromptRef & { readonly version: SealedVersion };
  beforeAll(async () => {
    vault = await startVault(store);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    vault.clock.drift(0);
  });
  afterAll(() => vault.stop());

  const wanted = () => ({ name: prompt.name, label: 'production', aud: vault.acme.responders[0].urn });
  const ask = () => vault.clientOf(vault.acme.invoker).post(PATH, wanted());
  const versionOf = ({ env }: Bundle) => {
    const envelope = parseEnvelope(env);
    return envelope.kind === 'prompt' ? envelope.claims.prm.ver : undefined;
  };

  /** Has something happen between the read and the write of the next requests. */
  function meanwhile(...happenings: readonly (() => Promise<unknown>)[]): void {
    const material = vault.service.app.get(EnvelopeMaterialRepository, { strict: false });
    const find = material.find.bind(material);
    const left = [...happenings];
    jest.spyOn(material, 'find').mockImplementation(async (of) => {
      const found = await find(of);
      await left.shift()?.();
      return found;
    });
  }

  it('is made anew when its label moves between read and write [guard: once-holds]', async () => {
    const { acme } = vault;
    prompt = await publishPrompt(vault, acme);
    const second = await pushVersion(vault, acme, prompt, 2);
    meanwhile(() => moveLabel(vault, acme, prompt, { tag: 'production', ver: 2, chash: second.chash, seq: 2 }));
    expect(versionOf(bodyOf<Bundle>(must(201, await ask())))).toBe(2);
  });

  it('is refused when what it needs goes between read and write', async () => {
    const { acme } = vault;
    prompt = await publishPrompt(vault, acme);
    const author = vault.clientOf(acme.author);
    const whash = await tokenHash(prompt.version.grants[1] ?? '');
    const before = await vault.countEffects();
    meanwhile(
      () => author.delete(`/api/v1/prompts/${prompt.id}/grants/${whash}`),
      () => Promise.resolve(),
    );
    expect(bodyOf<{ code: string }>(await ask()).code).toBe('needs_rewrap');
    jest.restoreAllMocks();
    prompt = await publishPrompt(vault, acme);
    meanwhile(() => author.delete(`/api/v1/prompts/${prompt.id}`));
    expect(bodyOf<{ code: string }>(await ask()).code).toBe('not_found');
    expect((await vault.countEffects())['envelope']).toBe(before['envelope']);
  });

  it('is left to the asker to ask again when its label never stands still, and nothing is written', async () => {
    const { acme } = vault;
    prompt = await publishPrompt(vault, acme);
    const { chash } = prompt.version;
    const before = await vault.countEffects();
    const moves = Array.from(
      { length: 5 },
      (_, index) => () => moveLabel(vault, acme, prompt, { tag: 'production', ver: 1, chash, seq: index + 2 }),
    );
    meanwhile(...moves);
    const answer = await ask();
    expect([answer.status, bodyOf<{ code: string }>(answer).code]).toEqual([503, 'overloaded']);
    expect((await vault.countEffects())['envelope']).toBe(before['envelope']);
  });

  it.each([
    ['ahead', 61],
    ['behind', -61],
  ])('is not issued while the clock of the process is %s [guard: nonce-drifted]', async (_name, seconds) => {
    prompt = await publishPrompt(vault, vault.acme);
    vault.clock.drift(seconds);
    await expectRefusal(vault, ask, 503, 'overloaded');
  });

  it('is not issued where it cannot be written to the audit log [guard: once-audited]', async () => {
    const { db } = vault.database;
    prompt = await publishPrompt(vault, vault.acme);
    await sql`alter table vault.audit_outbox add constraint fails check (position('envelope.issue'::bytea in leaf) = 0) not valid`.execute(
      db,
    );
    try {
      await expectRefusal(vault, ask, 503, 'overloaded');
    } finally {
      await sql`alter table vault.audit_outbox drop constraint fails`.execute(db);
    }
    must(201, await ask());
  });

  it('is issued once for one signature, under whatever Idempotency-Key [guard: once-nonce]', async () => {
    prompt = await publishPrompt(vault, vault.acme);
    const client = vault.clientOf(vault.acme.invoker);
    const nonce = 'AAAAAAAAAAAAAAAAAAAAAA';
    const send = (idempotencyKey: string) => client.post(PATH, wanted(), { nonce, idempotencyKey });
    must(201, await send('one-signature-first'));
    await expectRefusal(vault, () => send('one-signature-second'), 401, 'unauthenticated');
    await expectRefusal(vault, () => send('one-signature-first'), 401, 'unauthenticated');
    const eight = Array.from({ length: 8 }, (_, index) =>
      client.post(PATH, wanted(), { nonce: 'BAAAAAAAAAAAAAAAAAAAAA', idempotencyKey: `eight-at-one-moment-${index}` }),
    );
    const statuses = (await Promise.all(eight)).map(({ status }) => status);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([201, 401, 401, 401, 401, 401, 401, 401]);
  });

  it('is durable, also on a connection of a pooler that is not set so [guard: nonce-durable]', async () => {
    prompt = await publishPrompt(vault, vault.acme);
    const settings = await commitSettings(vault.database.db as never, 'vault.envelope', async () =>
      must(201, await ask()),
    );
    expect(settings).toEqual(['on']);
  });

  describe('that was issued, and could not be issued any more', () => {
    const key = () => `asked-again-${prompt.id}`;
    const send = (nonce?: string) =>
      vault
        .clientOf(vault.acme.invoker)
        .post(PATH, wanted(), { idempotencyKey: key(), ...(nonce !== undefined && { nonce }) });
    beforeEach(async () => {
      prompt = await publishPrompt(vault, vault.acme);
    });
    const deleteLabel = () => moveLabel(vault, vault.acme, prompt, { tag: 'production', ver: 0, chash: '', seq: 2 });

    it('is given again, and not to one signature twice [guard: replay-nonce]', async () => {
      const nonce = 'CAAAAAAAAAAAAAAAAAAAAA';
      const first = must(201, await send(nonce));
      await deleteLabel();
      expect(must(201, await send()).text).toBe(first.text);
      await expectRefusal(vault, () => send(nonce), 401, 'unauthenticated');
    });

    it.each([61, -61])(
      'is not given again while the clocks are apart by %s s [guard: replay-drifted]',
      async (seconds) => {
        must(201, await send());
        await deleteLabel();
        vault.clock.drift(seconds);
        await expectRefusal(vault, send, 503, 'overloaded');
      },
    );
  });
});

const describeOnServer = findPostgres() === undefined ? describe.skip : describe;
describeOnServer('on the wire', () => {
  let vault: TestVault;
  let wire: Wire;
  beforeAll(async () => {
    vault = await startVault('PostgreSQL', 'p256', async (url) => (wire = await openWire(url)).url);
  });
  afterAll(async () => {
    await vault.stop();
    await wire.close();
  });

  it('an envelope is one read and one write', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wanted = { name: prompt.name, label: 'production', aud: acme.responders[0].urn };
    const ask = () => vault.clientOf(acme.invoker).post(PATH, wanted);
    // What is looked at once in a while is looked at now.
    must(201, await ask());
    wire.roundTrips();
    must(201, await ask());
    expect(wire.roundTrips()).toBe(2);
    // The control: other mutations take a transaction of several.
    must(
      201,
      await vault.clientOf(acme.author).post('/api/v1/prompts', { id: mintId('prm'), name: 'an/other', type: 'text' }),
    );
    expect(wire.roundTrips()).toBeGreaterThan(4);
  });

  it('an envelope of a managed name is the same, and uses no key but that for envelopes, once its grant is stored', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme, 'open/on-the-wire', { to: [] });
    const ask = () =>
      vault.clientOf(acme.invoker).post(PATH, { name: prompt.name, label: 'production', aud: acme.responders[0].urn });
    const make = jest.spyOn(vault.service.app.get(ManagedGrants, { strict: false }), 'make');
    wire.roundTrips();
    must(201, await ask());
    // The control: the first one makes the grant.
    expect([make.mock.calls.length, wire.roundTrips() > 4]).toEqual([1, true]);
    must(201, await ask());
    expect([make.mock.calls.length, wire.roundTrips()]).toEqual([1, 2]);
    make.mockRestore();
  });
});
