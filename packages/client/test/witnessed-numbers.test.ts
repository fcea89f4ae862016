import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeBase64url, generateKeyPair, loadSigner } from '@bulla/crypto';
import type { TreeHead, WitnessSigner } from '@bulla/crypto/log';
import { encodeNoteKey, witnessKeyOf } from '@bulla/crypto/log';
import type { ForkEvidence, WitnessMemory, WitnessState } from '../src/witnesses/witness.js';
import { AuditWorld, changeEntry } from './audit-world.js';
import type { HeldLog } from './held-log.js';

// [red] A service that shows one number after another: a witness took the next as new, and the one before as late.

class Remembered implements WitnessMemory {
  state: WitnessState = new Map();
  readonly evidence: ForkEvidence[] = [];
  readonly read = async () => this.state;
  readonly write = async (state: WitnessState) => {
    this.state = state;
  };
  readonly keepEvidence = async (evidence: ForkEvidence) => {
    this.evidence.push(evidence);
    return 'evidence.json';
  };
}

let all: AuditWorld;
let witness: WitnessSigner;
let memory: Remembered;
beforeAll(async () => {
  all = await AuditWorld.make('numbered');
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  witness = { key: await witnessKeyOf('w1', publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
  await all.world.organisation.publishPolicy((draft) => {
    draft.witnesses = { quorum: 1, keys: [encodeNoteKey(witness.key)] };
  });
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  memory = new Remembered();
  await all.fill(3);
  await pass();
});

/** A pass; of the vault's log what came of it. */
async function pass(accepts?: string) {
  const { logs } = await all.auditor.audit.cosign(witness, memory, { accepts });
  const found = logs.find(({ origin }) => origin.includes('vault'));
  return { outcome: found?.outcome, follows: found?.follows, message: found?.error?.message };
}

interface Said {
  readonly origin?: string;
  readonly head?: TreeHead;
  readonly line?: string;
}

/** Begins the vault's next log, which says of the first what it is told to; what was signed last, unless told. */
async function beginNext(said: Said | null = {}, number = 2): Promise<HeldLog> {
  const { first } = all;
  const { origin = first.origin, head = first.head, line = lineOf(first) } = said ?? {};
  const note = said && { origin, size: head?.size ?? 0, root: encodeBase64url(head?.root ?? new Uint8Array(32)), line };
  const next = all.log('vault', number);
  await next.add({ act: 'log.begin', obj: { log: number, before: [{ log: 1, note }] } });
  await next.sign();
  all.vault.push(next);
  return next;
}

const lineOf = ({ checkpoint }: HeldLog) => (checkpoint ?? '').split('\n')[4] ?? '';

describe('a witness that signed one log of a service', () => {
  it('goes on with it beside one of a higher number that has not begun [guard: witness-log-begun]', async () => {
    await all.fill(2);
    all.vault.push(all.log('vault', 9));
    expect((await pass()).outcome).toBe('cosigned');
  });

  it('shares it with readers whom one that has not begun hides no fork from [guard: seen-log-begun]', async () => {
    await all.auditor.audit.checkpoints();
    changeEntry(all.first, 1);
    await all.fill(2);
    all.vault.push(all.log('vault', 9));
    await expect(all.auditor.audit.checkpoints()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'fork' });
  });

  it('takes the next that begins from just what it signed', async () => {
    const next = await beginNext();
    expect(await pass()).toEqual({ outcome: 'cosigned', follows: { origin: all.first.origin, more: 0 } });
    expect(memory.state.get(next.origin)).toBe(next.checkpoint);
    expect((await pass()).outcome).toBe('same');
  });

  it('takes the next that begins from more, which continues it, and says how much', async () => {
    await all.fill(2);
    await beginNext();
    expect(await pass()).toEqual({ outcome: 'cosigned', follows: { origin: all.first.origin, more: 2 } });
  });

  it('takes one that leaves out numbers', async () => {
    await beginNext({}, 4);
    expect((await pass()).outcome).toBe('cosigned');
  });

  it.each<[string, () => Promise<Said | null>, string]>([
    ['says nothing of it', async () => null, 'does not say what'],
    [
      'names another log [guard: succession-origin]',
      async () => ({ origin: 'urn:bulla:acme:svc:other/audit/1' }),
      'does not say what',
    ],
    [
      'names less [guard: succession-smaller]',
      async () => {
        const { head, checkpoint } = all.first;
        all.first.entries.length = 2;
        const smaller = await all.first.sign();
        const line = lineOf(all.first);
        Object.assign(all.first, { head, checkpoint });
        return { head: smaller, line };
      },
      'and not those that were signed',
    ],
    [
      'names more, which nobody signed [guard: succession-signed]',
      async () => {
        const line = lineOf(all.first);
        await all.fill(2);
        return { line };
      },
      'that its key did not sign',
    ],
    [
      'names more, which do not begin with it [guard: succession-continued]',
      async () => {
        changeEntry(all.first, 1);
        await all.fill(2);
        return {};
      },
      'not shown to begin with',
    ],
  ])('refuses the next and keeps both where it %s', async (_what, make, message) => {
    const signed = memory.state.get(all.first.origin);
    const next = await beginNext(await make());
    expect(await pass()).toMatchObject({ outcome: 'refused', message: expect.stringContaining(message) });
    expect(memory.evidence).toEqual([{ origin: next.origin, checkpoints: [signed, next.checkpoint] }]);
    expect([next.witnessed, memory.state.get(next.origin)]).toEqual([undefined, undefined]);
  });

  it('refuses one that does not follow at all [guard: witness-succession]', async () => {
    await beginNext(null);
    expect(await pass()).toMatchObject({
      message: expect.stringContaining('bulla audit witness --accept acme vault'),
    });
  });

  it('refuses a first entry that is not in the tree', async () => {
    const next = await beginNext(null);
    const { leaf } = next.entries[0] ?? { leaf: '' };
    const { head } = all.first;
    const note = {
      origin: all.first.origin,
      size: head?.size ?? 0,
      root: encodeBase64url(head?.root ?? new Uint8Array()),
      line: lineOf(all.first),
    };
    const said = { ...(JSON.parse(leaf) as object), obj: { log: 2, before: [{ log: 1, note }] } };
    all.world.vault.service.lies['audit.get'] = () => ({
      body: { index: 0, at: '2026-11-25T00:00:00.000Z', leaf: JSON.stringify(said), evidence: null },
    });
    expect((await pass()).outcome).toBe('failed');
    expect(memory.state.get(next.origin)).toBeUndefined();
    all.serve();
  });

  it('refuses the number before, once it signed another [guard: witness-number]', async () => {
    const next = await beginNext();
    await pass();
    all.vault.pop();
    expect(await pass()).toMatchObject({ outcome: 'refused', message: expect.stringContaining('after it') });
    expect(memory.evidence[0]?.checkpoints).toEqual([next.checkpoint, all.first.checkpoint]);
  });

  it('takes for a person what it cannot take itself, but for two trees of one log [guard: witness-accept-higher]', async () => {
    const next = await beginNext(null);
    expect((await pass('urn:bulla:acme:svc:responder:eu1')).outcome).toBe('refused');
    expect((await pass('urn:bulla:acme:svc:vault')).outcome).toBe('accepted');
    expect(memory.evidence).toHaveLength(2);
    expect(memory.state.get(next.origin)).toBe(next.checkpoint);
    expect((await pass()).outcome).toBe('same');
    changeEntry(next, 0, { id: `aud_${'0'.repeat(26)}` });
    await next.sign();
    expect((await pass('urn:bulla:acme:svc:vault')).outcome).toBe('refused');
  });
});
