import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPair, loadSigner, utf8 } from '@bulla/crypto';
import type { WitnessSigner } from '@bulla/crypto/log';
import { cosignCheckpoint, encodeNoteKey, parseCheckpoint, parseNote, witnessKeyOf } from '@bulla/crypto/log';
import { verifyBundle } from '../src/audit/bundle/verify-bundle.js';
import type { ForkEvidence, WitnessMemory, WitnessState } from '../src/witnesses/witness.js';
import { AuditWorld, changeEntry } from './audit-world.js';
import { MemoryFolder } from './memory-folder.js';

// Witnesses, and what verifying makes of what they saw; the services are honest until a test tells them otherwise.

class Remembered implements WitnessMemory {
  state: WitnessState = new Map();
  readonly evidence: ForkEvidence[] = [];
  /** Happens whenever something is written. */
  onWrite: () => void = () => undefined;
  readonly read = async () => this.state;
  readonly write = async (state: WitnessState) => {
    this.onWrite();
    this.state = state;
  };
  readonly keepEvidence = async (evidence: ForkEvidence) => {
    this.evidence.push(evidence);
    return 'evidence.json';
  };
}

async function witnessOf(name: string): Promise<WitnessSigner> {
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  return { key: await witnessKeyOf(name, publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
}

let all: AuditWorld;
let first: WitnessSigner;
let second: WitnessSigner;
let stranger: WitnessSigner;
let memory: Remembered;
beforeAll(async () => {
  all = await AuditWorld.make();
  [first, second, stranger] = [await witnessOf('w1'), await witnessOf('w2'), await witnessOf('w3')];
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await named(1, first, second);
  await all.begin();
  memory = new Remembered();
});

async function named(quorum: number, ...witnesses: WitnessSigner[]): Promise<void> {
  await all.world.organisation.publishPolicy((draft) => {
    draft.witnesses = { quorum, keys: witnesses.map(({ key }) => encodeNoteKey(key)) };
  });
}
const pass = (by = first, of = memory) => all.auditor.audit.cosign(by, of);
/** What came of the vault's log. */
async function outcome(by = first, of = memory) {
  const { logs } = await pass(by, of);
  const found = logs.find(({ origin }) => origin === all.first.origin);
  return [found?.outcome, found?.entries, found?.before, found?.error?.message];
}
const sizeOf = (note: string) => parseCheckpoint(parseNote(utf8(note)).text).size;
const now = () => all.world.clock.now();
const at = () => new Date(now() * 1000).toISOString().replace('.000Z', 'Z');
const check = async () => (await all.checks())['witnesses'];
const failure = async () => (await all.failures())[0];

describe('a witness', () => {
  it('cosigns the newest log of every service, and what has grown since', async () => {
    const { logs, unreached } = await pass();
    expect(logs.map(({ origin, outcome: what }) => [origin, what])).toEqual([
      [all.first.origin, 'cosigned'],
      [all.responder[0]?.origin, 'cosigned'],
    ]);
    expect(unreached).toEqual([]);
    expect(await outcome()).toEqual(['same', 1, 1, undefined]);
    await all.fill(3);
    expect(await outcome()).toEqual(['cosigned', 4, 1, undefined]);
    expect(all.first.witnessed?.map(sizeOf)).toEqual([1, 4]);
  });

  it('has written down what it signs before that leaves', async () => {
    const sent: number[] = [];
    memory.onWrite = () => sent.push(all.first.witnessed?.length ?? 0);
    await pass();
    expect(sent[0]).toBe(0);
    expect(sizeOf(memory.state.get(all.first.origin) ?? '')).toBe(1);
    memory.onWrite = () => {
      throw new Error('the disk is full');
    };
    await all.fill(1);
    await expect(pass()).rejects.toThrow('the disk is full');
    expect(all.first.witnessed).toHaveLength(1);
  });

  it('signs again what it wrote down and could not bring', async () => {
    const { lies } = all.world.vault.service;
    const honest = lies['audit.cosign'];
    lies['audit.cosign'] = () => ({ write: (response) => void response.destroy() });
    const { unreached } = await pass();
    expect(unreached.map(({ service }) => service)).toEqual(['urn:bulla:acme:svc:vault']);
    Object.assign(lies, { 'audit.cosign': honest });
    expect(await outcome()).toEqual(['cosigned', 1, 1, undefined]);
  });

  it.each([
    ['rewritten and grown', 2],
    ['another one of the same size', 0],
  ])('refuses a log that was %s, and keeps both checkpoints [guard: witness-fork]', async (_name, more) => {
    await all.fill(5);
    await pass();
    const signed = all.first.checkpoint ?? '';
    changeEntry(all.first, 2);
    await all.fill(more);
    const message = `the ${6 + more} entries of urn:bulla:acme:svc:vault do not begin with the 6 entries that this witness signed`;
    expect(await outcome()).toEqual(['refused', 6 + more, 6, message]);
    expect(memory.evidence).toEqual([{ origin: all.first.origin, checkpoints: [signed, all.first.checkpoint] }]);
    expect(all.first.witnessed?.map(sizeOf)).toEqual([6]);
    expect(memory.state.get(all.first.origin)).toBe(signed);
  });

  it('passes over an older tree that the service shows to be the beginning of what was signed', async () => {
    await all.fill(5);
    const [late, files] = [all.first.checkpoint, all.first.files];
    await all.fill(3);
    await pass();
    all.first.witnessed = [];
    [all.first.checkpoint, all.first.files] = [late, files];
    expect(await outcome()).toEqual(['behind', 6, 9, undefined]);
    expect(all.first.witnessed).toEqual([]);
    expect(memory.evidence).toEqual([]);
  });

  it('refuses an older tree where the rest is gone', async () => {
    await all.fill(5);
    await pass();
    all.first.witnessed = [];
    all.first.entries.length = 4;
    await all.first.sign();
    const message =
      'urn:bulla:acme:svc:vault shows 4 entries, and not that they are the first of the 6 entries that this witness signed';
    expect(await outcome()).toEqual(['refused', 4, 6, message]);
    expect(memory.evidence).toHaveLength(1);
  });

  it.each<[string, () => void]>([
    ['lost', () => void (memory.state = new Map())],
    ['brought back from a backup', () => void (memory.state = new Map([[all.first.origin, older]]))],
  ])('signs nothing where its state was %s [guard: witness-state-older]', async (_name, forget) => {
    older = all.first.checkpoint ?? '';
    await all.fill(5);
    await pass();
    forget();
    await all.fill(1);
    const [what, , , message] = await outcome();
    expect([what, message]).toEqual([
      'failed',
      expect.stringContaining('this witness signed 6 entries, and its state'),
    ]);
    expect(all.first.witnessed).toHaveLength(1);
  });
  let older = '';

  it('is refused that the policy does not name [guard: witness-named]', async () => {
    await expect(pass(stranger)).rejects.toMatchObject({ code: 'key_unknown', check: 'witness-named' });
    expect(all.first.witnessed).toBeUndefined();
  });

  it('cosigns the others while one service is away, or one log is refused', async () => {
    await all.fill(2);
    await pass();
    changeEntry(all.first, 1);
    await all.fill(1);
    await all.responder[0]?.add({ act: 'prompt.list', obj: { items: 1 } });
    await all.sign();
    expect((await pass()).logs.map(({ outcome: what }) => what)).toEqual(['refused', 'cosigned']);
    Object.assign(all.world.vault.service.lies, {
      'audit.checkpoint': () => ({ write: (response: { destroy(): void }) => response.destroy() }),
    });
    await all.responder[0]?.add({ act: 'prompt.list', obj: { items: 2 } });
    await all.responder[0]?.sign();
    const { logs, unreached } = await pass();
    expect([logs.map(({ outcome: what }) => what), unreached.length]).toEqual([['cosigned'], 1]);
    all.serve();
  });

  it('takes nothing that the log did not sign', async () => {
    all.first.checkpoint = (all.first.checkpoint ?? '').replace('\n1\n', '\n2\n');
    expect((await outcome())[0]).toBe('failed');
    expect(memory.state.has(all.first.origin)).toBe(false);
  });
});

describe('verifying', () => {
  it('says how far the witnesses have seen a log, and when', async () => {
    await all.fill(5);
    await pass();
    await all.fill(3);
    expect(await check()).toBe(
      `passed: witnessed to 6 of 9 entries at ${at()}, 3 behind; the policy asks for 1 of 2: w1 6 at ${at()}, w2 none`,
    );
    const { logs } = await all.auditor.audit.verify();
    expect(logs[0]?.witnessed).toMatchObject({ quorum: 1, named: ['w1', 'w2'], reached: { entries: 6, at: now() } });
  });

  it('says that the policy names none', async () => {
    await all.world.organisation.publishPolicy((draft) => delete draft.witnesses);
    await all.begin();
    expect(await check()).toMatch(/^not_looked_for: policy \d+ names none$/);
    expect((await all.auditor.audit.verify()).valid).toBe(true);
  });

  it('fails where fewer have seen it than the policy asks for [guard: audit-quorum]', async () => {
    await named(2, first, second);
    await all.begin();
    expect(await failure()).toBe(
      'witnesses: 0 of the witnesses have seen this log, and the policy asks for 2 of 2: w1 none, w2 none',
    );
    await pass();
    expect(await failure()).toContain('witnesses: 1 of the witnesses have seen this log');
    const { logs } = await all.auditor.audit.verify();
    expect(logs[0]?.failure).toMatchObject({ code: 'log_inconsistent', check: 'witnesses', kind: 'quorum' });
  });

  it('counts as many entries as each of the quorum has seen', async () => {
    await named(2, first, second);
    await all.begin();
    await pass(first);
    await all.fill(4);
    await pass(second, new Remembered());
    expect(await check()).toContain(
      `passed: witnessed to 1 of 5 entries at ${at()}, 4 behind; the policy asks for 2 of 2`,
    );
    await pass(first);
    expect(await check()).toContain('passed: witnessed to 5 of 5 entries');
  });

  it('counts the lines of the newest checkpoint too', async () => {
    const note = all.first.checkpoint ?? '';
    await pass();
    all.first.witnessed = [];
    all.first.checkpoint = await cosignCheckpoint(utf8(note), now(), first);
    all.first.files.set('checkpoint', utf8(all.first.checkpoint));
    expect(await check()).toContain('passed: witnessed to 1 of 1 entries');
  });

  it.each<[string, (note: string) => Promise<string[]>]>([
    ['another witness', async (note) => [await cosignCheckpoint(utf8(note), now(), stranger)]],
    ['another log', async (note) => [await cosignCheckpoint(utf8(note.replaceAll('vault', 'other')), now(), first)]],
    ['nobody', async (note) => [note]],
  ])('does not count what is cosigned by or of %s', async (_name, make) => {
    all.first.witnessed = await make(all.first.checkpoint ?? '');
    expect(await failure()).toContain('witnesses: 0 of the witnesses have seen this log');
  });

  it('refuses a cosignature that is not of the witness', async () => {
    const note = await cosignCheckpoint(utf8(all.first.checkpoint ?? ''), now(), first);
    const [encoded = ''] = /\S+(?=\n$)/.exec(note) ?? [];
    const raw = Buffer.from(encoded, 'base64');
    raw.writeUInt8(raw.readUInt8(30) ^ 1, 30);
    all.first.witnessed = [note.replace(encoded, raw.toString('base64'))];
    expect(await failure()).toBe('witnesses: a signature of the note is not good');
  });

  it('refuses a log that is not the one that a witness saw [guard: witnessed-fork]', async () => {
    await all.fill(3);
    await pass();
    const { witnessed } = all.first;
    changeEntry(all.first, 2);
    await all.fill(2);
    all.first.witnessed = witnessed;
    expect(await failure()).toBe('witnesses: the log does not begin with the 4 entries that a witness saw');
  });

  it('refuses a log of which a witness has seen more [guard: witnessed-rollback]', async () => {
    await all.fill(3);
    await pass();
    all.first.entries.length = 3;
    await all.first.sign();
    expect(await failure()).toBe('witnesses: a witness has seen more entries than the log shows');
  });

  it('does not ask of a log that has ended for witnesses: the next one names its head', async () => {
    const { origin, head } = all.first;
    if (head === undefined) throw new Error('nothing is signed');
    all.vault.push(await all.log('vault', 2).begin({ origin, head }));
    await all.sign();
    await pass();
    const { logs } = await all.auditor.audit.verify();
    const found = logs
      .slice(0, 2)
      .map(({ valid, checks }) => [valid, checks.find(({ name }) => name === 'witnesses')?.state]);
    expect(found).toEqual([
      [true, 'not_looked_for'],
      [true, 'passed'],
    ]);
  });
});

describe('an export', () => {
  const verified = async (folder: MemoryFolder) => {
    const { pin } = all.world.organisation;
    const { valid, logs } = await verifyBundle(folder, { pin, now: now() });
    return [valid, logs[0]?.witnessed?.reached?.entries, logs[0]?.failure?.message];
  };

  it('has what witnesses cosigned, and is judged by it', async () => {
    await all.fill(3);
    await pass();
    await all.fill(2);
    const folder = new MemoryFolder();
    await all.auditor.audit.export(folder);
    expect([...folder.files.keys()]).toContain('logs/vault-1/witnessed/0');
    expect(await verified(folder)).toEqual([true, 4, undefined]);
    folder.files.delete('logs/vault-1/witnessed/0');
    expect(await verified(folder)).toEqual([false, undefined, expect.stringContaining('0 of the witnesses')]);
  });
});
