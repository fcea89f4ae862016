import { Problem } from '@bulla/contract';
import type { Signer } from '@bulla/crypto';
import { generateKeyPair, loadSigner, parseDirectory, parseProposal } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import { nextRoot } from '../src/trust/next-root.js';
import { ProposalDesk } from '../src/trust/proposal-desk.js';
import { movedProposal, propose } from '../src/trust/proposing.js';
import { SeveralSign } from '../src/trust/several-sign.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { PeopleRoom } from './people-room.js';
import { openPeopleRoom } from './people-room.js';

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

let room: PeopleRoom;
let owner: Bulla;
let store: MemoryTrustStore;
let desk: ProposalDesk;
beforeEach(async () => {
  room = await openPeopleRoom();
  store = new MemoryTrustStore();
  owner = await room.world.client(undefined, { store, retries: 0 });
  const { pin } = room.world.organisation;
  desk = new ProposalDesk({ org: 'acme', pin, store, now: room.world.clock.now });
});
afterEach(() => room.world.stop());

const revoke = async (who: 'author' | 'auditor' | 'invoker') => {
  const plan = await owner.people.planRevocation(room.world.organisation[who].urn);
  return owner.people.revoke(plan, { signer: room.signer, reason: 'keyCompromise', read: [] });
};
const revoked = async () => (await room.newest()).revoked.length;
const stateOf = () => store.load('acme', room.world.organisation.pin);
const another = { code: 'forbidden', check: 'signed-another' };

/** The next root, planned for a moment, with another key of the directory. */
async function replacing(inSeconds = 0): Promise<{ text: string; fresh: Signer }> {
  const { trust } = room.world.organisation;
  const { kid, alg, publicJwk, privateJwk } = await generateKeyPair('ed25519', 'sig');
  if (alg !== 'Ed25519') throw new Error('not a key of documents');
  const [old = ''] = trust.root.roles.directory.kids;
  const change = {
    added: [{ role: 'directory', kid, key: { jwk: publicJwk, alg } }],
    removed: [{ role: 'directory', kid: old }],
    thresholds: {},
  } as const;
  const now = room.world.clock.now();
  const root = nextRoot(trust.root, change, now + inSeconds);
  return {
    text: await propose(trust, { root, by: 'owner', why: 'stolen' }, now),
    fresh: await loadSigner(privateJwk, alg),
  };
}
const signers = (fresh: Signer): Signer[] => {
  const { root, policy } = room.world.organisation.signers;
  return [...root, ...policy, fresh];
};
async function signAll({ text, fresh }: { text: string; fresh: Signer }): Promise<string> {
  const judged = await desk.read(text);
  const all = signers(fresh);
  const plan = await desk.plan(
    judged,
    all.map(({ kid }) => kid),
  );
  return desk.sign(judged, all, plan);
}

describe('a directory whose fate nobody knows', () => {
  it('is sent again before another one of its version is signed [guard: signed-sent-again]', async () => {
    room.vault.beforePublication = () => Promise.reject(new Error('gone'));
    await expect(revoke('author')).rejects.toMatchObject({ code: 'internal' });
    room.vault.beforePublication = () => undefined;
    await revoke('auditor');
    expect(room.vault.directories).toHaveLength(2);
    const [first = '', second = ''] = room.vault.directories;
    const { payload } = await parseDirectory(first);
    // Two keys of a device.
    expect(payload.revoked).toHaveLength(2);
    expect((await parseDirectory(second)).payload.revoked).toHaveLength(4);
  });

  it('is left where the vault has refused it in a signed answer, which is kept [guard: signed-refused]', async () => {
    room.vault.beforePublication = () => Promise.reject(new Problem('needs_rewrap'));
    await expect(revoke('author')).rejects.toMatchObject({ code: 'needs_rewrap' });
    const [signed] = (await stateOf())?.signed ?? [];
    expect(signed?.refused).toMatchObject({
      method: 'PUT',
      status: 409,
      headers: { 'content-type': 'application/problem+json' },
    });
    expect(signed?.refused?.request['signature']).toMatch(/^bulla=/);
    expect(signed?.refused?.headers['signature']).toMatch(/^bulla=/);
    room.vault.beforePublication = () => undefined;
    await revoke('auditor');
    expect([room.vault.directories.length, await revoked()]).toEqual([1, 2]);
  });

  it('is not taken for refused where it may be taken yet [guard: refusal-final]', async () => {
    for (const code of ['clock_skew', 'vault_restored', 'forbidden'] as const) {
      room.vault.beforePublication = () => Promise.reject(new Problem(code));
      await expect(revoke('author')).rejects.toMatchObject({ code });
      const signed = (await stateOf())?.signed ?? [];
      expect([signed.length, signed[0]?.refused]).toEqual([1, undefined]);
    }
  });
});

describe('a signer', () => {
  it('signs no other content of a version while the first can be taken [guard: signed-another]', async () => {
    await owner.trust();
    await signAll(await replacing(30 * MINUTE));
    await expect(replacing(40 * MINUTE).then(signAll)).rejects.toMatchObject(another);
    await expect(revoke('author')).rejects.toMatchObject(another);
    expect(room.vault.directories).toEqual([]);
  });

  it('signs it again and again where it is the same', async () => {
    const one = await replacing();
    expect(await signAll(one)).toBe(await signAll(one));
  });

  it('signs another one when the time of the first is over [guard: signed-time-over]', async () => {
    await signAll(await replacing());
    room.world.clock.seconds += 15 * MINUTE + 1;
    await expect(replacing().then(signAll)).resolves.toContain('bulla-proposal');
    expect((await stateOf())?.signed?.length).toBe(3);
  });

  it('signs the next where its base is not the newest any more [guard: signed-base-old]', async () => {
    await owner.trust();
    const { version, hash } = room.world.organisation.trust.memory.directory;
    const signed = [
      { kind: 'directory', version, hash: `${hash.slice(1)}A`, until: room.world.clock.now() + DAY },
    ] as const;
    await store.update('acme', room.world.organisation.pin, (state) => ({ ...(state ?? never()), signed }));
    const again = await replacing();
    const judged = await desk.read(again.text);
    const all = signers(again.fresh);
    const plan = await desk.plan(
      judged,
      all.map(({ kid }) => kid),
    );
    const old = plan.added.map((one) => (one.kind === 'directory' ? { ...one, version } : one));
    await expect(desk.sign(judged, all, { ...plan, added: old })).resolves.toContain('bulla-proposal');
  });

  it('signs the directory under a planned root in its last hour [guard: desk-directory-later]', async () => {
    const { text, fresh } = await replacing(2 * HOUR);
    const signed = await signAll({ text, fresh });
    const { next } = await parseProposal(signed);
    expect([next.policy?.signatures.length, next.directory.signatures.length]).toEqual([1, 0]);
    // Others follow the one that counts meanwhile.
    await revoke('author');
    const newest = await owner.catchUpTrust();
    await expect(desk.read(signed)).rejects.toMatchObject({ code: 'trust_rollback' });
    const moved = (await movedProposal(signed, newest)) ?? '';
    const after = (await parseProposal(moved)).next;
    expect([after.root?.hash, after.policy?.hash]).toEqual([next.root?.hash, next.policy?.hash]);
    expect(after.root?.signatures).toEqual(next.root?.signatures);
    expect(after.directory.payload.revoked).toHaveLength(2);
    room.world.clock.seconds += HOUR;
    const whole = (await parseProposal(await signAll({ text: moved, fresh }))).next;
    expect(whole.directory.signatures.map(({ kid }) => kid)).toEqual([fresh.kid]);
  });
});

describe('a directory that several must sign', () => {
  it('is proposed, signed by each, and published when nothing is missing [guard: published-shown]', async () => {
    const two = await openPeopleRoom({ quorums: { directory: { keys: 2, threshold: 2 } } });
    try {
      const { organisation, clock } = two.world;
      const bulla = await two.world.client(undefined, { store });
      const plan = await bulla.people.planRevocation(organisation.author.urn);
      const by = { signer: two.signer, reason: 'keyCompromise', read: [] } as const;
      const error: unknown = await bulla.people.revoke(plan, by).catch((refused: unknown) => refused);
      if (!(error instanceof SeveralSign)) throw error;
      expect([error.code, two.vault.directories]).toEqual(['forbidden', []]);
      const place = new ProposalDesk({ org: 'acme', pin: organisation.pin, store, now: clock.now });
      let text = error.proposal;
      for (const signer of organisation.signers.directory) {
        const judged = await place.read(text);
        await expect(bulla.keys.publish(judged)).rejects.toMatchObject({ origin: 'client' });
        text = await place.sign(judged, [signer], await place.plan(judged, [signer.kid]));
      }
      // Another replica is asked, which looks at what this one took a moment later.
      const { documents } = two.world.vault;
      let older = 3;
      two.world.vault.documents = () =>
        two.vault.directories.length > 0 && older-- > 0 ? organisation.documents : documents();
      const after = await bulla.keys.publish(await place.read(text));
      expect(after.isRevoked(organisation.author.sig.kid)).toBe(true);
      expect(two.vault.directories).toHaveLength(1);
    } finally {
      await two.world.stop();
    }
  });
});

function never(): never {
  throw new Error('nothing is kept');
}
