import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeBase64url, generateKeyPair, loadSigner } from '@bulla/crypto';
import type { WitnessSigner } from '@bulla/crypto/log';
import { encodeNoteKey, witnessKeyOf } from '@bulla/crypto/log';
import type { WitnessMemory, WitnessState } from '../src/witnesses/witness.js';
import { AuditWorld } from './audit-world.js';

// Where the policy names witnesses, it is by their clocks too when an entry can have been written.

const TILE = 256;
const OLD = '2026-01-10T00:00:00.000Z';

let all: AuditWorld;
let witness: WitnessSigner;
let startedAt: number;
let state: WitnessState;
const memory: WitnessMemory = {
  read: () => Promise.resolve(state),
  write: (next) => Promise.resolve(void (state = next)),
  keepEvidence: () => Promise.resolve('evidence.json'),
};
beforeAll(async () => {
  all = await AuditWorld.make();
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  witness = { key: await witnessKeyOf('w1', publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
  await all.world.organisation.publishPolicy((draft) => {
    draft.witnesses = { quorum: 1, keys: [encodeNoteKey(witness.key)] };
  });
  startedAt = all.world.clock.seconds;
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  state = new Map();
  await all.begin();
});
afterEach(() => {
  all.world.clock.seconds = startedAt;
});

const pass = () => all.auditor.audit.cosign(witness, memory);
const after = (seconds: number) => new Date((all.world.clock.now() + seconds) * 1_000).toISOString();

describe('an entry that witnesses saw', () => {
  it.each([
    [170, undefined],
    [190, 'entries: entry 1: it says that it was written after witnesses had seen it'],
  ])('was written no later than that: %s seconds [guard: audit-time-witnessed]', async (seconds, told) => {
    await all.first.fill(1, after(seconds));
    await all.first.sign();
    await pass();
    // By the clock of the verifier it was written long ago.
    all.world.clock.seconds += 1_000;
    expect((await all.failures())[0]).toBe(told);
  });
});

describe('an entry that says that others go', () => {
  it('counts once witnesses have seen it [guard: audit-prune-witnessed]', async () => {
    const { first } = all;
    await first.fill(TILE + 20, OLD);
    await first.sign();
    await pass();
    const root = encodeBase64url(first.head?.root ?? new Uint8Array(32));
    await first.add(
      { act: 'log.prune', obj: { log: 1, first: 0, last: TILE - 1, size: TILE, root } },
      '2026-11-25T00:00:00.000Z',
    );
    await first.sign();
    first.pruned = TILE;
    expect((await all.failures())[0]).toContain('and no log of the service says that they were kept long enough');
    await pass();
    expect((await all.failures())[0]).toBeUndefined();
  });
});
