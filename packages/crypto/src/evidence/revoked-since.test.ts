import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Exchange } from '../../test/answers.js';
import { castOfMembers, exchange } from '../../test/answers.js';
import type { DirectoryDocument } from '../organisation/directory.js';
import { cosignDocument } from '../tokens/document.js';
import { timestampOf } from '../tokens/document-times.js';
import { composeAnswer } from './evidence.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';
import { parseRoot } from '../organisation/root.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { Trust } from '../organisation/trust.js';
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
  it.each<[string, () => Promise<Trust>]>([
    ['a newer directory that keeps every key', () => organisation.publish()],
    ['a newer policy', () => organisation.publishPolicy()],
    ['a revocation of a key that signed nothing here', () => revoke(kidOf('owner'))],
    ['a revocation of the asker, whose question is not shown', () => revoke(kidOf('invoker'))],
  ])('stays VALID under %s, and says what it was compared with', async (_name, publish) => {
    const newer = await publish();
    const verdict = await verify(newer);
    const { version, issued } = newer.directory;
    expect(verdict).toMatchObject({ valid: true, verdict: expect.stringMatching(/^VALID as of /) });
    expect(verdict.checks.at(-1)).toEqual({
      name: 'revoked-since',
      state: 'passed',
      detail: `no key was revoked or dropped by directory ${version} of ${issued}`,
      against: `directory ${version} of ${issued}, root 1 of ${newer.root.issued}`,
    });
  });

  it.each<[string, () => Promise<Trust> | Trust, string]>([
    ['the same directory [guard: answer-compared-with]', () => organisation.trust, 'the answer’s own'],
    [
      'a newer root that keeps every key',
      async () => trustUnder((await organisation.signRoot()).roots),
      'the answer’s own',
    ],
    [
      'an older directory',
      async () => {
        const older = organisation.trust;
        await organisation.publish();
        made = await exchange(await castOfMembers(organisation), organisation.author);
        return older;
      },
      'older than the answer’s',
    ],
  ])('stays VALID under %s, and says that it looked at nothing later', async (_name, publish, how) => {
    const newer = await publish();
    const verdict = await verify(newer);
    expect(verdict.valid).toBe(true);
    expect(verdict.checks.at(-1)).toMatchObject({
      state: 'not_looked_for',
      detail: `nothing was revoked by directory 1 of ${newer.directory.issued}, but that is ${how}: what came later was not looked for`,
    });
  });

  it('says that it did not look where there is nothing newer', async () => {
    const verdict = await verify(undefined);
    expect(verdict.valid).toBe(true);
    expect(verdict.checks.at(-1)).toEqual({
      name: 'revoked-since',
      state: 'not_looked_for',
      detail: 'not looked for: there are no newer documents here',
      against: `the file's own roots, up to 1 of ${organisation.trust.root.issued}`,
    });
  });

  it('says which key was to be used no longer when it signed', async () => {
    const { urn, signer } = organisation.responders[0];
    const end = organisation.now - 3600;
    const newer = await organisation.publish((draft) => {
      for (const record of draft.entities[urn]?.keys ?? []) if (record.kid === signer.kid) record.use_until = end;
    });
    const verdict = await verify(newer);
    expect(verdict.valid).toBe(true);
    expect(verdict.checks.at(-1)?.detail).toMatch(
      /^no key was revoked or dropped by directory 2 of .*; but by it key .* of the reply was to be used until .* only$/,
    );
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
      state: 'failed',
      detail: expect.stringContaining(detail),
    });
  });

  it('is REVOKED SINCE a directory that no longer lists a key', async () => {
    const { urn } = organisation.author;
    const newer = await organisation.publish((draft) => delete draft.entities[urn]);
    expect((await verify(newer)).checks.at(-1)).toMatchObject({
      state: 'failed',
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
    expect(verdict.checks.at(-1)).toMatchObject({ state: 'failed', detail: expect.stringContaining(detail) });
  });

  it('stays VALID where the answer’s own documents were cosigned by the keys of its newest root', async () => {
    const signedUnder = organisation.trust;
    const rotated = await rotate('directory');
    const cast = { ...(await castOfMembers(organisation)), trust: rotated };
    made = await exchange(cast, organisation.author);
    expect(await verify(signedUnder)).toMatchObject({ valid: true });
  });

  // A holder of the dropped key appends roots that anybody may have.
  it.each<[string, (roots: readonly string[]) => Promise<Trust | undefined>]>([
    ['a trust that knows the root that dropped its key', (roots) => trustUnder(roots.slice(0, 2))],
    ['its own roots, and nothing else', async () => undefined],
  ])('is REVOKED SINCE its own newest root, judged by %s [guard: answer-newest-root]', async (_name, trust) => {
    const dropped = (await rotate('directory')).documents.roots;
    const third = { ...organisation.trust.root, ...(await parseRoot(dropped[1] ?? '')).payload, version: 3 };
    third.issued = timestampOf(organisation.now + 600);
    const roots = [...dropped, await organisation.sign('root', third)];
    const documents = { ...organisation.trust.documents, roots };
    const verdict = await verifyAnswer(composeAnswer({ ...made.parts, documents }), {
      pin: organisation.pin,
      now: organisation.now + 7200,
      newer: await trust(roots),
    });
    expect(verdict).toMatchObject({ valid: false, verdict: `REVOKED SINCE ${third.issued}` });
    expect(verdict.checks.at(-1)).toMatchObject({
      state: 'failed',
      detail: 'keys that signed the directory are no longer in root',
    });
  });

  it('refuses another root of the same version [guard: answer-root-fork]', async () => {
    const newer = await organisation.publishRoot();
    const other = { ...newer.root, issued: timestampOf(organisation.now + 1) };
    const [first = ''] = newer.documents.roots;
    const documents = { ...made.parts.documents, roots: [first, await organisation.sign('root', other)] };
    made = { ...made, parts: { ...made.parts, documents } };
    expect(await verify(newer)).toMatchObject({
      valid: false,
      failure: { code: 'trust_rollback', check: 'revoked-since' },
    });
  });

  it('refuses the trust of another organisation', async () => {
    const { trust } = await makeOrganisation({ org: 'globex' });
    expect(await verify(trust)).toMatchObject({
      valid: false,
      failure: { code: 'pin_mismatch', check: 'revoked-since' },
    });
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
    expect(await verify(organisation.trust)).toMatchObject({
      valid: false,
      failure: { code: 'trust_rollback', check: 'revoked-since' },
    });
  });
});

/** The organisation as who knows these roots, and documents that new keys cosigned. */
async function trustUnder(roots: readonly string[]): Promise<Trust> {
  const { org, pin, now, trust } = organisation;
  return Trust.establish({ ...trust.documents, roots }, { org, pin, now, acceptExpired: true, underStatedRoot: true });
}

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
