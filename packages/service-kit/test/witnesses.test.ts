import type { AuditCheckpoints, KeptCosignatures } from '@bulla/contract';
import { setTimeout as pause } from 'node:timers/promises';
import { generateKeyPair, keyThumbprint, loadSigner, privateJwkOf, utf8 } from '@bulla/crypto';
import type { WitnessSigner } from '@bulla/crypto/log';
import {
  cosignCheckpoint,
  emptyRoot,
  encodeNoteKey,
  noteKeyOf,
  originOf,
  parseCheckpoint,
  parseNote,
  pinInOrigin,
  signCheckpoint,
  verifyCheckpoint,
  witnessKeyOf,
} from '@bulla/crypto/log';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyCosigned } from '../src/witnesses/cosigned-note.js';
import { stores } from './stores.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

const COSIGNATURES = '/api/v1/audit/cosignatures';

async function witnessOf(name: string): Promise<WitnessSigner> {
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  return { key: await witnessKeyOf(name, publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
}

describe.each(stores)('witnesses of the log of a service on %s', (store) => {
  let tiny: Tiny;
  /** Of its log. */
  let ownOrigin = '';
  let first: WitnessSigner;
  let second: WitnessSigner;
  /** Not named by the policy. */
  let other: WitnessSigner;
  beforeAll(async () => {
    tiny = await startTiny({ on: store, limits: { auditIntervalMs: 20 } });
    ownOrigin = originOf({ urn: tiny.acme.vault.urn, number: 1, pin: pinInOrigin(tiny.acme.pin) });
    await tiny.service.listen();
    [first, second, other] = [
      await witnessOf('w.example/1'),
      await witnessOf('w.example/2'),
      await witnessOf('w.example/3'),
    ];
    await name(first, second);
    await refuseSomething();
  });
  beforeEach(() => tiny.database.db.deleteFrom('audit_cosignature').execute());
  afterAll(() => tiny.stop());

  const name = async (...witnesses: WitnessSigner[]) => {
    await tiny.acme.publishPolicy((draft) => {
      if (witnesses.length === 0) delete draft.witnesses;
      else draft.witnesses = { quorum: 1, keys: witnesses.map(({ key }) => encodeNoteKey(key)) };
    });
  };
  const shown = async () => {
    const { status, body } = await tiny.auditor.get('/api/v1/audit/checkpoint');
    expect(status).toBe(200);
    const [log] = (body as AuditCheckpoints).data;
    return log;
  };
  /** The newest checkpoint, once it is of more than so many entries. */
  const checkpointAfter = async (size: number): Promise<string> => {
    if (size > 0) await refuseSomething();
    for (;;) {
      const note = (await shown())?.checkpoint ?? null;
      if (note !== null && sizeOf(note) > size) return note;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  /** An older note, shown as the newest once more: by then the tree has grown, and is signed anew at any moment. */
  const shownAgain = async (older: string): Promise<string> => {
    for (let tries = 0; tries < 100; tries++) {
      await tiny.database.db
        .updateTable('audit_log')
        .set({ checkpoint: older, checkpoint_size: sizeOf(older) })
        .where('org', '=', 'acme')
        .execute();
      const note = (await shown())?.checkpoint ?? '';
      if (sizeOf(note) === sizeOf(older)) return note;
    }
    throw new Error('the log was signed anew before each look at it');
  };
  /** Whatever is refused is the next thing that the log tells. */
  const refuseSomething = () => tiny.auditor.post(COSIGNATURES, { checkpoint: 'urn:x\n1\nAA==\n\n' });
  const sizeOf = (note: string) => parseCheckpoint(parseNote(utf8(note)).text).size;
  const now = () => tiny.clock.now();
  const cosigned = (note: string, by = first, at = now()) => cosignCheckpoint(utf8(note), at, by);
  const send = async (checkpoint: string) => {
    const { status, body } = await tiny.auditor.post(COSIGNATURES, { checkpoint });
    return { status, body: body as KeptCosignatures & { readonly code?: string; readonly detail?: string } };
  };
  const refusal = async (checkpoint: string) => {
    const { status, body } = await send(checkpoint);
    return [status, body.code, body.detail];
  };
  const rows = () =>
    tiny.database.db.selectFrom('audit_cosignature').select(['witness', 'size', 'at']).orderBy('witness').execute();
  const signer = () => {
    const own = tiny.acme.vault.keyFile.keys.find(({ pur }) => pur.includes('checkpoint'));
    if (own === undefined) throw new Error('no key for checkpoints');
    return loadSigner(privateJwkOf(own), 'Ed25519');
  };

  it('are shown beside the newest checkpoint, and in it while it is the one they saw', async () => {
    const note = await checkpointAfter(0);
    const { status, body } = await send(await cosigned(note));
    expect([status, body]).toEqual([
      200,
      { log: 1, kept: [{ witness: 'w.example/1', entries: sizeOf(note), at: new Date(now() * 1000).toISOString() }] },
    ]);
    const keys = [await noteKeyOf(ownOrigin, (await signer()).publicJwk)];
    const trust = { origin: ownOrigin, keys, witnesses: [first.key, second.key] };
    const log = await shown();
    const [witnessed = ''] = log?.witnessed ?? [];
    const verified = await verifyCheckpoint(utf8(witnessed), trust);
    expect(verified.cosignatures).toEqual([{ witness: first.key, at: now() }]);
    expect(verified.checkpoint.size).toBe(sizeOf(note));
    expect((await verifyCheckpoint(utf8(await shownAgain(note)), trust)).cosignatures).toEqual(verified.cosignatures);
    const after = await checkpointAfter(sizeOf(note));
    expect((await verifyCheckpoint(utf8(after), trust)).cosignatures).toEqual([]);
  });

  it('are in the log, by who brought them and by whose key', async () => {
    const note = await checkpointAfter(0);
    await send(await cosigned(await cosigned(note), second));
    const events = await tiny.database.db.selectFrom('audit_event').select('event').orderBy('at').execute();
    const by = await Promise.all([first, second].map(({ key }) => keyThumbprint(key.jwk)));
    expect(events.at(-1)?.event).toMatchObject({
      act: 'audit.cosign',
      res: 'ok',
      who: { type: 'device', kid: tiny.acme.auditor.sig.kid },
      obj: { log: 1, size: sizeOf(note), by, taken: 2 },
    });
  });

  it('are kept each by their newest, and an older one changes nothing [guard: cosignature-newer]', async () => {
    const older = await checkpointAfter(0);
    await send(await cosigned(older));
    const newer = await checkpointAfter(sizeOf(older));
    await send(await cosigned(newer, first, now() - 5));
    await send(await cosigned(newer, first, now()));
    const kept = [{ witness: 'w.example/1', size: sizeOf(newer), at: now() }];
    expect(await rows()).toEqual(kept);
    for (const late of [await cosigned(older), await cosigned(newer, first, now() - 1)]) {
      const { status, body } = await send(late);
      expect([status, body.kept[0]?.entries]).toEqual([200, sizeOf(newer)]);
      expect(await rows()).toEqual(kept);
    }
  });

  it('begin anew with another key of the same name', async () => {
    const note = await checkpointAfter(0);
    await send(await cosigned(await checkpointAfter(sizeOf(note))));
    const again = await witnessOf('w.example/1');
    await name(again, second);
    expect((await shown())?.witnessed).toEqual([]);
    expect((await send(await cosigned(note, again))).body.kept[0]?.entries).toBe(sizeOf(note));
    await name(first, second);
  });

  it('are shown no more when the policy names them no more [guard: cosigned-named]', async () => {
    const note = await checkpointAfter(0);
    await send(await cosigned(note));
    await name(second);
    expect((await shown())?.witnessed).toEqual([]);
    await name();
    expect(await shown()).not.toHaveProperty('witnessed');
    await name(first, second);
    expect((await shown())?.witnessed).toHaveLength(1);
  });

  it('keep nobody from reading the checkpoints where one is no note [guard: cosigned-shape]', async () => {
    const note = await checkpointAfter(0);
    await send(await cosigned(await cosigned(note), second));
    await tiny.database.db
      .updateTable('audit_cosignature')
      .set({ line: 'planted\u0007' })
      .where('witness', '=', first.key.name)
      .execute();
    const { witnessed = [] } = (await shown()) ?? {};
    expect(witnessed).toEqual([expect.stringContaining(second.key.name)]);
  });

  it('are those of one organisation [guard: org-audit-cosignature]', async () => {
    const note = await checkpointAfter(0);
    await send(await cosigned(note));
    const log = await tiny.database.db
      .selectFrom('audit_log')
      .selectAll()
      .where('org', '=', 'acme')
      .executeTakeFirstOrThrow();
    const of = { org: 'globex', origin: 'urn:bulla:globex:svc:vault/audit/1' };
    const row = await tiny.database.db.selectFrom('audit_cosignature').selectAll().executeTakeFirstOrThrow();
    await tiny.database.db
      .insertInto('audit_log')
      .values({ ...log, ...of })
      .execute();
    await tiny.database.db
      .insertInto('audit_cosignature')
      .values({ ...row, org: 'globex' })
      .execute();
    expect((await shown())?.witnessed).toHaveLength(1);
    await tiny.database.db.deleteFrom('audit_cosignature').execute();
    await tiny.database.db.deleteFrom('audit_log').where('org', '=', 'globex').execute();
  });

  it('are refused where the policy does not name them [guard: cosign-unknown]', async () => {
    const note = await checkpointAfter(0);
    const told = [401, 'key_unknown', 'no witness that the policy names cosigned this checkpoint'];
    expect(await refusal(await cosigned(note, other))).toEqual(told);
    expect(await refusal(note)).toEqual(told);
    const namesake = await witnessOf('w.example/1');
    expect(await refusal(await cosigned(note, namesake))).toEqual(told);
    expect(await rows()).toEqual([]);
  });

  it('are refused where the signature is not theirs', async () => {
    const note = await checkpointAfter(0);
    const [good, forged] = [await cosigned(note), await cosigned(note, first, now() - 1)];
    const [line = '', false_ = ''] = [good, forged].map((text) => text.slice(note.length).split(' ').at(-1)?.trim());
    // The time of one, and the signature of the other.
    const [id, signature] = [Buffer.from(line, 'base64').subarray(0, 12), Buffer.from(false_, 'base64').subarray(12)];
    const mixed = good.replace(line, Buffer.concat([id, signature]).toString('base64'));
    expect(await refusal(mixed)).toEqual([401, 'signature_invalid', 'a signature of the note is not good']);
  });

  it('are refused where a key of another number signed the log [guard: cosign-log-number]', async () => {
    const { urn } = tiny.acme.vault;
    const { trust, pin } = tiny.acme;
    const own = await signer();
    const verify = async (number: number) => {
      const origin = originOf({ urn, number, pin: pinInOrigin(pin) });
      const by = [{ key: await noteKeyOf(origin, own.publicJwk), signer: own }];
      const note = await signCheckpoint(origin, { size: 0, root: await emptyRoot() }, by);
      return verifyCosigned(await cosigned(note), { trust, urn, origin, witnesses: [first.key] });
    };
    expect((await verify(1)).head.size).toBe(0);
    await expect(verify(2)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('are refused for a tree of another root [guard: cosign-other-root]', async () => {
    const note = await checkpointAfter(0);
    const own = await signer();
    const log = { key: await noteKeyOf(ownOrigin, own.publicJwk), signer: own };
    const fork = await signCheckpoint(ownOrigin, { size: sizeOf(note), root: new Uint8Array(32).fill(7) }, [log]);
    const told = [404, 'not_found', 'the log has signed no such checkpoint'];
    expect(await refusal(await cosigned(fork))).toEqual(told);
  });

  it('are refused for a tree that is not signed yet [guard: cosign-unsigned]', async () => {
    const note = await checkpointAfter(0);
    const head = await tiny.database.db
      .selectFrom('audit_log')
      .selectAll()
      .where('org', '=', 'acme')
      .executeTakeFirstOrThrow();
    const own = await signer();
    const log = { key: await noteKeyOf(ownOrigin, own.publicJwk), signer: own };
    const early = await signCheckpoint(ownOrigin, { size: head.size, root: Uint8Array.from(head.root) }, [log]);
    const unsign = () =>
      tiny.database.db
        .updateTable('audit_log')
        .set({ checkpoint_size: head.size - 1 })
        .where('org', '=', 'acme')
        .execute();
    let said: unknown[] = [];
    const ask = async () => {
      await unsign();
      said = await refusal(await cosigned(early));
    };
    // The sequencer may be at it, and the embedded database does not keep it out: then it signs before this is brought.
    for (let tries = 0; tries < 100 && said[0] !== 404; tries++)
      if (!(await tiny.database.exclusively('audit-sequencer', ask))) await pause(20);
    expect(said).toEqual([404, 'not_found', 'the log has signed no such checkpoint']);
    await checkpointAfter(sizeOf(note));
  });

  it('are refused for a log that is not there', async () => {
    const note = await checkpointAfter(0);
    expect(await refusal(await cosigned(note.replaceAll(ownOrigin, `${ownOrigin.slice(0, -1)}7`)))).toEqual([
      404,
      'not_found',
      'there is no such log',
    ]);
  });

  it('are refused with a time that has not come yet [guard: cosign-future]', async () => {
    const note = await checkpointAfter(0);
    expect((await send(await cosigned(note, second, now() + 60))).status).not.toBe(401);
    expect(await refusal(await cosigned(note, first, now() + 61))).toEqual([
      401,
      'clock_skew',
      'a witness cosigned at a time that has not come yet',
    ]);
    expect((await refusal(await cosigned(note, first, 2 ** 52)))[1]).toBe('clock_skew');
  });

  it.each([
    ['no note', 'urn:bulla:acme:svc:vault/audit/1\n3\nAA==\n'],
    ['a note without a checkpoint', 'urn:x\n\n\u2014 w.example/1 AAAAAAAA\n'],
    ['what is too long', `urn:x\n${'x\n'.repeat(9_000)}`],
  ])('are refused in %s', async (_name, checkpoint) => {
    expect((await refusal(checkpoint)).slice(0, 2)).toEqual([400, 'validation_failed']);
  });

  it('are brought by auditors, admins and owners alone', async () => {
    const note = await cosigned(await checkpointAfter(0));
    expect((await tiny.clientOf(tiny.acme.invoker).post(COSIGNATURES, { checkpoint: note })).status).toBe(403);
  });

  // The last one: a key that is revoked stays so.
  it('are refused where the log did not sign, or by a revoked key [guard: cosign-log-revoked]', async () => {
    const note = await checkpointAfter(0);
    const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
    const stranger = { key: await noteKeyOf(ownOrigin, publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
    const { size, root } = parseCheckpoint(parseNote(utf8(note)).text);
    const forged = await signCheckpoint(ownOrigin, { size, root }, [stranger]);
    const told = [401, 'key_unknown', 'no known key signed the note'];
    expect(await refusal(await cosigned(forged))).toEqual(told);
    const { kid } = await signer();
    await tiny.acme.publish((draft) => draft.revoked.push({ kid, reason: 'keyCompromise', at: tiny.acme.now }));
    expect(await refusal(await cosigned(note))).toEqual(told);
  });
});
