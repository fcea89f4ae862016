import { beforeAll, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange } from '../../test/answers.js';
import { irtOf } from '../../test/exchange.js';
import { utf8 } from '../encoding/bytes.js';
import { privateJwkOf } from '../keys/keys.js';
import { loadSigner } from '../keys/signer.js';
import type { Signer } from '../keys/signer.js';
import type { PublicJwk } from '../keys/suites.js';
import { signCheckpoint } from '../log/checkpoint.js';
import { originOf, pinInOrigin } from '../log/log-name.js';
import { emptyRoot } from '../log/merkle.js';
import { noteKeyOf } from '../log/note-key.js';
import { composeAnswer } from '../evidence/evidence.js';
import { ANSWER_CHECKS, verifyAnswer } from '../evidence/verify-answer.js';
import { Transcript } from '../tokens/transcript.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { verifyFin } from './reply.js';
import { requireReplyHead, verifyReplyCheckpoint } from './reply-checkpoint.js';

interface LogKey {
  readonly signer: Signer;
  readonly publicJwk: PublicJwk;
}

/** The key for checkpoints of a service. */
async function logKeyOf({ keyFile }: TestOrganisation['vault']): Promise<LogKey> {
  const key = keyFile.keys.find(({ pur }) => pur.includes('checkpoint'));
  if (key === undefined) throw new Error('it has no key for checkpoints');
  const { d: _, ...publicJwk } = key.jwk as PublicJwk & { d: string };
  return { signer: await loadSigner(privateJwkOf(key), 'Ed25519'), publicJwk };
}

async function noteOf({ signer, publicJwk }: LogKey, origin: string): Promise<string> {
  const head = { size: 0, root: await emptyRoot() };
  return signCheckpoint(origin, head, [{ key: await noteKeyOf(origin, publicJwk), signer }]);
}

describe('the checkpoint in a fin', () => {
  let acme: TestOrganisation;
  let responder = '';
  /** The name of its log. */
  let first = '';
  let own: LogKey;
  beforeAll(async () => {
    acme = await makeOrganisation();
    responder = acme.responders[0].urn;
    first = originOf({ urn: responder, number: 1, pin: pinInOrigin(acme.pin) });
    own = await logKeyOf(acme.responders[0]);
  });

  const verify = (note: string, trust = acme.trust) => verifyReplyCheckpoint(note, { trust, responder });

  /** What an asker says of a reply that carries it. */
  const answered = async (checkpoint: string) => {
    const cast = await castOfMembers(acme);
    const { asked, answered: reply, parts } = await exchange(cast, acme.author, { fin: { checkpoint } });
    const transcript = new Transcript();
    for (const delta of reply.deltas) transcript.add(delta);
    const context = {
      trust: acme.trust,
      now: acme.now,
      envelope: asked.envelope,
      envelopeToken: asked.envelopeToken,
      irt: irtOf(asked),
      head: reply.head,
      transcript: transcript.summary(),
    };
    return { fin: () => verifyFin(reply.fin, context), file: composeAnswer(parts) };
  };

  it('says what the log had', async () => {
    const note = await noteOf(own, first);
    expect(await verify(note)).toMatchObject({ origin: first, size: 0 });
    const { fin, file } = await answered(note);
    expect(await fin()).toMatchObject({ checkpoint: note });
    const { valid, checks, answer } = await verifyAnswer(file, { pin: acme.pin, now: acme.now });
    expect([valid, answer?.checkpoint]).toEqual([true, note]);
    expect(checks.map(({ name }) => name)).toEqual(ANSWER_CHECKS);
    expect(checks.find(({ name }) => name === 'checkpoint')).toMatchObject({
      state: 'passed',
      detail: `${first} had 0 entries`,
    });
  });

  it('is verified, whatever was verified before it under the same directory [guard: reply-checkpoint-met-note]', async () => {
    const note = await noteOf(own, first);
    await verify(note);
    await expect(verify(note.replace('audit/1\n0', 'audit/1\n9'))).rejects.toMatchObject({ check: 'reply-checkpoint' });
    expect(await verify(note)).toMatchObject({ origin: first });
  });

  it('is of the responder that is asked, also if it was good from another [guard: reply-checkpoint-met-responder]', async () => {
    const note = await noteOf(own, first);
    await verify(note);
    const other = verifyReplyCheckpoint(note, { trust: acme.trust, responder: acme.responders[1].urn });
    await expect(other).rejects.toMatchObject({ check: 'reply-checkpoint-origin' });
  });

  it('is refused by the asker where it is not good [guard: reply-checkpoint]', async () => {
    const { fin } = await answered('all is well');
    await expect(fin()).rejects.toMatchObject({ code: 'token_malformed', check: 'reply-checkpoint' });
  });

  it('makes an answer file refused where it is not good, as a check of its own [guard: answer-checkpoint]', async () => {
    const { file } = await answered('all is well');
    const { verdict, checks, failure } = await verifyAnswer(file, { pin: acme.pin, now: acme.now });
    expect(verdict).toBe('REFUSED');
    expect(checks.at(-1)).toMatchObject({ name: 'checkpoint', state: 'failed' });
    expect(failure).toMatchObject({ code: 'token_malformed', check: 'reply-checkpoint' });
  });

  it('is missed where an answer has none, and its directory lists a key for one [guard: answer-head-missing]', async () => {
    const { parts } = await exchange(await castOfMembers(acme), acme.author);
    const { valid, checks, answer } = await verifyAnswer(composeAnswer(parts), { pin: acme.pin, now: acme.now });
    expect([valid, answer?.checkpoint]).toEqual([true, undefined]);
    expect(checks.find(({ name }) => name === 'checkpoint')).toMatchObject({
      state: 'not_looked_for',
      detail: `the reply says nothing of the log of ${responder}, and the directory lists a key for its checkpoints`,
    });
  });

  it('is not looked for where the directory lists no key for one, or a revoked one alone', async () => {
    const other = await makeOrganisation();
    const { kid } = (await logKeyOf(other.responders[0])).signer;
    const claims = { iss: responder };
    expect(() => requireReplyHead(claims, other.trust)).toThrow(
      expect.objectContaining({ code: 'head_missing', check: 'reply-checkpoint' }),
    );
    const revoked = await other.publish((draft) => {
      draft.revoked.push({ kid, reason: 'keyCompromise', at: other.now });
    });
    expect(() => requireReplyHead(claims, revoked)).not.toThrow();
    const without = await other.publish((draft) => {
      const entity = draft.entities[responder];
      if (entity !== undefined) entity.keys = entity.keys.filter(({ pur }) => !pur.includes('checkpoint'));
    });
    expect(() => requireReplyHead(claims, without)).not.toThrow();
    const { parts } = await exchange(await castOfMembers(other), other.author);
    const { checks } = await verifyAnswer(composeAnswer(parts), { pin: other.pin, now: other.now });
    expect(checks.map(({ name }) => name)).not.toContain('checkpoint');
  });

  it('is of a log whose number its key bears, under the root of the organisation [guard: reply-checkpoint-number]', async () => {
    const second = first.replace(/1$/, '2');
    for (const origin of [second, `${responder}/audit/1`])
      await expect(verify(await noteOf(own, origin))).rejects.toMatchObject({
        code: 'key_unknown',
        check: 'reply-checkpoint',
      });
    const before = await makeOrganisation();
    const old = await before.publish((draft) => {
      for (const key of draft.entities[responder]?.keys ?? []) delete key.log;
    });
    const note = await noteOf(await logKeyOf(before.responders[0]), `${responder}/audit/7`);
    expect(await verify(note, old)).toMatchObject({ origin: `${responder}/audit/7` });
  });

  it('has at most 1,024 characters [guard: reply-checkpoint-size]', async () => {
    await expect(answered('x'.repeat(1025))).rejects.toMatchObject({ code: 'token_malformed' });
    await expect(answered('')).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each([
    ['of the vault', () => `${acme.vault.urn}/audit/1`],
    ['of another responder', () => `${acme.responders[1].urn}/audit/1`],
    ['under another root', () => originOf({ urn: responder, number: 1, pin: pinInOrigin(`sha256:${'0'.repeat(64)}`) })],
    ['without a number', () => `${responder}/audit/`],
    ['with more than a number', () => `${responder}/audit/1/audit/1`],
  ])('is refused where its log is %s [guard: reply-checkpoint-origin]', async (_name, origin) => {
    await expect(verify(await noteOf(own, origin()))).rejects.toMatchObject({
      code: 'log_inconsistent',
      check: 'reply-checkpoint-origin',
    });
  });

  it('is refused where a key of the responder for something else signed it [guard: reply-checkpoint-purpose]', async () => {
    const globex = await makeOrganisation({ org: 'globex' });
    const [, stranger] = globex.responders;
    const record = stranger.entity.keys.find(({ pur }) => pur.includes('checkpoint'));
    if (record === undefined) throw new Error('it has no key for checkpoints');
    const { log: _, ...unnumbered } = record;
    const other = await makeOrganisation();
    const trust = await other.publish((draft) => {
      draft.entities[responder]?.keys.push({ ...unnumbered, pur: ['http'] });
    });
    const note = await noteOf(await logKeyOf(stranger), `${responder}/audit/1`);
    await expect(verify(note, trust)).rejects.toMatchObject({ code: 'key_unknown', check: 'reply-checkpoint' });
  });

  it('is refused where its key is revoked, and not where that has ended [guard: reply-checkpoint-revoked]', async () => {
    const other = await makeOrganisation();
    const origin = originOf({ urn: responder, number: 1, pin: pinInOrigin(other.pin) });
    const note = await noteOf(await logKeyOf(other.responders[0]), origin);
    const { kid } = (await logKeyOf(other.responders[0])).signer;
    const ended = await other.publish((draft) => {
      const long = { nbf: other.now - 900, use_until: other.now - 800, end: other.now - 700 };
      for (const key of draft.entities[responder]?.keys ?? []) if (key.kid === kid) Object.assign(key, long);
    });
    expect(await verify(note, ended)).toMatchObject({ size: 0 });
    const revoked = await other.publish((draft) => {
      draft.revoked.push({ kid, reason: 'keyCompromise', at: other.now });
    });
    await expect(verify(note, revoked)).rejects.toMatchObject({ code: 'key_revoked', check: 'reply-checkpoint' });
  });

  it('is refused where it was changed', async () => {
    const note = await noteOf(own, first);
    const changed = note.replace('\n0\n', '\n1\n');
    await expect(verify(changed)).rejects.toMatchObject({ code: 'signature_invalid', check: 'reply-checkpoint' });
    expect(utf8(note).length).toBeLessThan(400);
  });
});
