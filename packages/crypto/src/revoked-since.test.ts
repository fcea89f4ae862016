import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Exchange } from '../test/answers.js';
import { castOfMembers, exchange } from '../test/answers.js';
import type { DirectoryDocument } from './directory.js';
import { cosignDocument } from './document.js';
import { composeAnswer } from './evidence.js';
import { generateKeyPair, loadSigner } from './signer.js';
import type { TestOrganisation } from './testing.js';
import { makeOrganisation } from './testing.js';
import { Trust } from './trust.js';
import type { Verdict } from './verify-answer.js';
import { verifyAnswer } from './verify-answer.js';

let organisation: TestOrganisation;
let made: Exchange;

beforeEach(async () => {
  organisation = await makeOrganisation();
  made = await exchange(await castOfMembers(organisation), organisation.author);
});

function verify(newer: Trust | undefined, show = false): Promise<Verdict> {
  const file = composeAnswer({ ...made.parts, ...(show && { invocation: made.asked.sealed.inner }) });
  return verifyAnswer(file, { pin: organisation.pin, now: organisation.now + 7200, newer });
}

function revoke(kid: string): Promise<Trust> {
  return organisation.publish(
    (draft) => draft.revoked.push({ kid, reason: 'keyCompromise', at: organisation.now + 60 }),
    organisation.now + 3600,
  );
}

function kidOf(who: 'vault' | 'responder' | 'author' | 'invoker' | 'owner'): string {
  return (who === 'responder' ? organisation.responders[0] : organisation[who]).signer.kid;
}

describe('verifyAnswer with a newer trust', () => {
  it.each<[string, () => Promise<Trust> | Trust]>([
    ['the same directory', () => organisation.trust],
    ['a newer directory that keeps every key', () => organisation.publish()],
    ['a newer policy', () => organisation.publishPolicy()],
    ['a newer root that keeps every key', () => organisation.publishRoot()],
    ['a revocation of a key that signed nothing here', () => revoke(kidOf('owner'))],
    ['a revocation of the asker, whose question is not shown', () => revoke(kidOf('invoker'))],
  ])('stays VALID under %s', async (_name, publish) => {
    const verdict = await verify(await publish());
    expect(verdict).toMatchObject({ valid: true, verdict: expect.stringMatching(/^VALID as of /) });
    expect(verdict.checks.at(-1)).toEqual({ name: 'revoked-since', ok: true, detail: 'every key still counts' });
  });

  it.each<[string, 'vault' | 'responder' | 'author' | 'invoker', string, boolean]>([
    ['the vault’s [guard: answer-revoked]', 'vault', 'of the envelope is revoked', false],
    ['the responder’s', 'responder', 'of the reply is revoked', false],
    ['the tag’s', 'author', 'of the tag is revoked', false],
    ['the asker’s, once the question is shown', 'invoker', 'of the question is revoked', true],
  ])('is REVOKED SINCE a directory that revokes %s key', async (_name, who, detail, show) => {
    const newer = await revoke(kidOf(who));
    const verdict = await verify(newer, show);
    expect(verdict).toMatchObject({ valid: false, verdict: `REVOKED SINCE ${newer.directory.issued}` });
    expect(verdict.checks.at(-1)).toMatchObject({
      name: 'revoked-since',
      ok: false,
      detail: expect.stringContaining(detail),
    });
  });

  it('is REVOKED SINCE a directory that no longer lists a key', async () => {
    const { urn } = organisation.author;
    const newer = await organisation.publish((draft) => delete draft.entities[urn]);
    expect((await verify(newer)).checks.at(-1)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('of the tag is no longer listed'),
    });
  });

  it.each(['policy', 'directory'] as const)(
    'is REVOKED SINCE a root that drops the key that signed the %s [guard: answer-dropped-signer]',
    async (role) => {
      const newer = await rotate(role);
      const verdict = await verify(newer);
      expect(verdict.valid).toBe(false);
      expect(verdict.checks.at(-1)).toMatchObject({ detail: `keys that signed the ${role} are no longer in root` });
    },
  );

  // [red] A thief of the directory key numbers a directory as it likes.
  it.each<[string, () => Promise<Trust>, string]>([
    ['takes the stolen key away', () => rotate('directory'), 'keys that signed the directory are no longer in root'],
    ['revokes a key of the answer', () => revoke(kidOf('vault')), 'of the envelope is revoked'],
  ])('is REVOKED SINCE a trust that %s, even under a far higher directory', async (_name, publish, detail) => {
    const before = organisation.trust;
    const newer = await publish();
    await answerUnder(before, { version: 999, prev: before.directoryRef.hash });
    const verdict = await verify(newer);
    expect(verdict).toMatchObject({ valid: false, verdict: `REVOKED SINCE ${newer.directory.issued}` });
    expect(verdict.checks.at(-1)).toMatchObject({ ok: false, detail: expect.stringContaining(detail) });
  });

  it('learns nothing from a trust that is older than the answer', async () => {
    const older = organisation.trust;
    await organisation.publish();
    made = await exchange(await castOfMembers(organisation), organisation.author);
    expect(await verify(older)).toMatchObject({ valid: true });
  });

  it('judges only what a trust with an older root knows', async () => {
    const signedUnder = organisation.trust;
    const rotated = await rotate('directory');
    const cast = { ...(await castOfMembers(organisation)), trust: rotated };
    made = await exchange(cast, organisation.author);
    expect(await verify(signedUnder)).toMatchObject({ valid: true });
  });

  it('refuses the trust of another organisation', async () => {
    const { trust } = await makeOrganisation({ org: 'globex' });
    await expect(verify(trust)).rejects.toMatchObject({ code: 'pin_mismatch', check: 'revoked-since' });
  });

  it.each<[string, number, Partial<DirectoryDocument>]>([
    ['two contents of one version [guard: answer-fork]', 2, { version: 2, kept: ['A'.repeat(43)] }],
    ['a next version that names another one before it', 2, { version: 3 }],
    ['a version before that the newer one does not name', 3, { version: 2, kept: ['A'.repeat(43)] }],
    [
      'a version long before of which others have another [guard: answer-fork-gap]',
      5,
      { version: 2, kept: ['A'.repeat(43)] },
    ],
  ])('refuses a fork of the directory: %s', async (_name, version, change) => {
    const before = organisation.trust;
    while (organisation.trust.directory.version < version) await organisation.publish();
    await answerUnder(before, { prev: before.directoryRef.hash, chain: await before.nextChain(), ...change });
    await expect(verify(organisation.trust)).rejects.toMatchObject({ code: 'trust_rollback', check: 'revoked-since' });
  });
});

/** Has the answer made under a directory that the organisation signed, or a thief of its key, and did not adopt. */
async function answerUnder({ documents, directory }: Trust, change: Partial<DirectoryDocument>): Promise<void> {
  const { org, pin, now } = organisation;
  const token = await organisation.sign('directory', { ...directory, ...change });
  const trust = await Trust.establish({ ...documents, directory: token }, { org, pin, now });
  made = await exchange({ ...(await castOfMembers(organisation)), trust }, organisation.author);
}

/** The trust after root version 2 gave a role to another key, which signed the newest document too. */
async function rotate(role: 'policy' | 'directory'): Promise<Trust> {
  const { org, pin, now, trust } = organisation;
  const { kid, publicJwk, privateJwk } = await generateKeyPair('ed25519', 'sig');
  const root = structuredClone(trust.root);
  root.version += 1;
  root.keys[kid] = { jwk: publicJwk, alg: 'Ed25519' };
  root.roles[role] = { kids: [kid], threshold: 1 };
  const roots = [...trust.documents.roots, await organisation.sign('root', root)];
  const cosigned = await cosignDocument(trust.documents[role], await loadSigner(privateJwk, 'Ed25519'));
  return Trust.establish({ ...trust.documents, [role]: cosigned, roots }, { org, pin, now });
}
