import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exampleChatEnvelope } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { parseBundle } from './bundle.js';
import type { ChatEnvelopeClaims, EnvelopeContext, VerifiedEnvelope } from './envelope.js';
import { signChatEnvelope, verifyEnvelope } from './envelope.js';
import { MetBundles } from './met-bundles.js';
import type { SharedEnvelopes } from './shared-envelopes.js';

let acme: TestOrganisation;
let nowMs: number;
let met: MetBundles;
let shared: SharedEnvelopes;
beforeAll(async () => {
  acme = await loadOrganisation('acme');
});
beforeEach(() => {
  nowMs = 1_000;
  met = new MetBundles(() => nowMs, { ageMs: 60_000, uses: 3, characters: 4_000 });
  shared = met.envelopes;
});

async function envelope(changes: Partial<ChatEnvelopeClaims> = {}): Promise<string> {
  const claims = exampleChatEnvelope(acme);
  return signChatEnvelope({ ...claims, pol: { ...claims.pol, uses: 100 }, ...changes }, await acme.signer('vault'));
}

/** As a responder meets it. */
function meet(env: string, changes: Partial<EnvelopeContext> = {}): Promise<VerifiedEnvelope> {
  const { envelope: parsed } = parseBundle({ v: 1, env, tags: [] }, met);
  return verifyEnvelope(parsed, { trust: acme.trust, now: NOW, audience: acme.urn('eu1'), shared, ...changes });
}

describe('an envelope for several questions', () => {
  it('is read and verified once, and is the same the next time', async () => {
    const env = await envelope();
    expect(shared.read(env)).toBeUndefined();
    const first = await meet(env);
    expect(shared.read(env)).toBeDefined();
    expect(await meet(env)).toEqual(first);
  });

  it('is not kept where it is for one question', async () => {
    const { pol } = exampleChatEnvelope(acme);
    const env = await envelope({ pol: { ...pol, uses: 1 } });
    await meet(env);
    expect(shared.read(env)).toBeUndefined();
  });

  it('is not kept where it was refused', async () => {
    const env = await envelope();
    await expect(meet(env, { audience: acme.urn('us1') })).rejects.toMatchObject({ check: 'envelope-audience' });
    expect(shared.read(env)).toBeUndefined();
  });

  it.each<[string, () => Partial<EnvelopeContext>, object]>([
    ['for another responder', () => ({ audience: acme.urn('us1') }), { check: 'envelope-audience' }],
    ['past its time', () => ({ now: NOW + 3_600 }), { code: 'envelope_expired' }],
    ['before its time', () => ({ now: NOW - 3_600 }), { code: 'clock_skew' }],
  ])('is refused when it is met again %s', async (_, changes, refusal) => {
    const env = await envelope();
    await meet(env);
    await expect(meet(env, changes())).rejects.toMatchObject(refusal);
  });

  it('is another one with any other byte', async () => {
    const env = await envelope();
    await meet(env);
    const at = env.length - 10;
    const other = env.slice(0, at) + (env[at] === 'A' ? 'B' : 'A') + env.slice(at + 1);
    await expect(meet(other)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('is verified anew under another record of the key [guard: shared-envelope-key]', async () => {
    const env = await envelope();
    const { issuer, hash } = await meet(env);
    expect(shared.hashOf(env, issuer.record)).toBe(hash);
    expect(shared.hashOf(env, { ...issuer.record })).toBeUndefined();
  });

  it('is forgotten at its age', async () => {
    const env = await envelope();
    await meet(env);
    nowMs += 59_999;
    expect(shared.read(env)).toBeDefined();
    nowMs += 1;
    expect(shared.read(env)).toBeUndefined();
  });

  it('is forgotten after so many uses', async () => {
    const env = await envelope();
    const { issuer, hash } = await meet(env);
    const found = Array.from({ length: 4 }, () => shared.hashOf(env, issuer.record));
    expect(found).toEqual([hash, hash, hash, undefined]);
  });

  it('makes room for a newer one, and is not kept where there is none', async () => {
    const env = await envelope();
    const many = Math.ceil(4_000 / env.length) + 1;
    const tokens = await Promise.all(
      Array.from({ length: many }, (_, at) => envelope({ req: `another-request-${at}${at}` })),
    );
    for (const token of tokens) await meet(token);
    const kept = tokens.map((token) => shared.read(token) !== undefined);
    expect([kept[0], kept.at(-1)]).toEqual([false, true]);
    const { pol } = exampleChatEnvelope(acme);
    const models = Array.from({ length: 32 }, (_, at) => `${'m'.repeat(100)}${at}`);
    const long = await envelope({ pol: { ...pol, uses: 100, models } });
    expect(long.length).toBeGreaterThan(4_000);
    await meet(long);
    expect(shared.read(long)).toBeUndefined();
  });
});
