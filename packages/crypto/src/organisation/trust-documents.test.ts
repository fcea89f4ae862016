import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DirectoryDocument } from './directory.js';
import { cosignDocument, signDocument } from '../tokens/document.js';
import { timestampOf } from '../tokens/document-times.js';
import { parsePolicy } from './policy.js';
import type { Signer } from '../keys/signer.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { Trust } from './trust.js';
import type { TrustDocuments } from './trust-documents.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const YEAR = 365 * DAY;

let acme: TestOrganisation;
/** Other keys in every role. */
let globex: TestOrganisation;
/** Two of three keys must sign policy and directory. */
let careful: TestOrganisation;

beforeAll(async () => {
  const quorum = { keys: 3, threshold: 2 };
  acme = await makeOrganisation({ now: NOW });
  globex = await makeOrganisation({ org: 'globex', now: NOW });
  careful = await makeOrganisation({ org: 'careful', now: NOW, quorums: { policy: quorum, directory: quorum } });
});

function establish(organisation: TestOrganisation, changes: Partial<TrustDocuments>, now = NOW): Promise<Trust> {
  const { org, pin, documents } = organisation;
  return Trust.establish({ ...documents, ...changes }, { org, pin, now });
}

/** The directory of an organisation with a change, signed as it should be. */
function directory(organisation: TestOrganisation, change: (draft: DirectoryDocument) => unknown): Promise<string> {
  const draft = structuredClone(organisation.trust.directory);
  change(draft);
  return organisation.sign('directory', draft);
}

describe('signatures of policy and directory', () => {
  const cases = ['policy', 'directory'] as const;

  it.each(cases)('accepts the threshold of the %s role', async (role) => {
    const token = await signDocument(careful.trust[role], careful.signers[role].slice(1));
    const changes = { [role]: token };
    expect((await establish(careful, changes)).documents[role]).toBe(token);
  });

  it.each(cases)('refuses a %s one signature short [guard: directory-threshold]', async (role) => {
    const token = await signDocument(careful.trust[role], careful.signers[role].slice(0, 1));
    await expect(establish(careful, { [role]: token })).rejects.toMatchObject({
      code: 'signature_invalid',
      check: `${role}-signatures`,
    });
  });

  it.each(cases)('refuses a %s by the keys of another role', async (role) => {
    const signers = [
      ...careful.signers.root,
      ...careful.signers[role === 'policy' ? 'directory' : 'policy'],
      ...careful.signers[role].slice(0, 1),
    ];
    const token = await signDocument(careful.trust[role], signers);
    await expect(establish(careful, { [role]: token })).rejects.toMatchObject({
      code: 'signature_invalid',
      check: `${role}-signatures`,
    });
  });

  it.each(cases)('refuses a %s by the keys of another organisation', async (role) => {
    const token = await signDocument(acme.trust[role], globex.signers[role]);
    await expect(establish(acme, { [role]: token })).rejects.toMatchObject({
      code: 'signature_invalid',
      check: `${role}-signatures`,
    });
  });

  it.each(cases)('makes nothing of a %s that its keys did not sign', async (role) => {
    const payload = { ...acme.trust[role], entities: 'as many as one likes', prefixes: 0 } as never;
    await expect(establish(acme, { [role]: await acme.sign(role, payload) })).rejects.toMatchObject({
      code: 'token_malformed',
    });
    await expect(establish(acme, { [role]: await signDocument(payload, globex.signers[role]) })).rejects.toMatchObject({
      code: 'signature_invalid',
    });
  });

  it.each(cases)('refuses a %s that names another organisation [guard: document-organisation]', async (role) => {
    const token = await acme.sign(role, { ...globex.trust[role] });
    await expect(establish(acme, { [role]: token })).rejects.toMatchObject({
      code: 'token_malformed',
      check: `${role}-organisation`,
    });
  });

  it.each(cases)('refuses a %s in place of the other', async (role) => {
    const other = acme.documents[role === 'policy' ? 'directory' : 'policy'];
    await expect(establish(acme, { [role]: other })).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each(cases)(
    'refuses a %s that was signed under a root it cannot see [guard: document-root-version]',
    async (role) => {
      const token = await acme.sign(role, { ...acme.trust[role], root_version: 2 });
      await expect(establish(acme, { [role]: token })).rejects.toMatchObject({
        code: 'trust_rollback',
        check: `${role}-root-version`,
      });
    },
  );
});

describe('policy and directory together', () => {
  it('refuses an old policy beside the newest directory [guard: directory-names-policy]', async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const { policy } = organisation.documents;
    await organisation.publishPolicy((draft) => {
      draft.labels = {};
    });
    await expect(establish(organisation, { policy })).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'directory-policy',
    });
  });

  it('refuses a new policy before a directory names it', async () => {
    const { hash } = await parsePolicy(acme.documents.policy);
    const policy = await acme.sign('policy', {
      ...acme.trust.policy,
      version: 2,
      prev: hash,
      chat: ['grp:support'],
    });
    await expect(establish(acme, { policy })).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'directory-policy',
    });
  });

  it.each<[string, (draft: DirectoryDocument) => unknown]>([
    ['the hash of another policy', (draft) => (draft.policy.hash = 'A'.repeat(43))],
    ['the policy under another version', (draft) => (draft.policy.version = 2)],
  ])('refuses a directory that names %s', async (_name, change) => {
    await expect(establish(acme, { directory: await directory(acme, change) })).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'directory-policy',
    });
  });
});

describe('times of documents', () => {
  it.each(['development', 'production'] as const)(
    'refuses a directory that lives too long in %s [guard: directory-life]',
    async (profile) => {
      const organisation = await makeOrganisation({ now: NOW, profile });
      expect(organisation.trust.expiresAt).toBe(NOW + 90 * DAY);
      const token = await directory(organisation, (draft) => (draft.expires = timestampOf(NOW + 90 * DAY + 1)));
      await expect(establish(organisation, { directory: token })).rejects.toMatchObject({ code: 'token_malformed' });
    },
  );

  it('accepts documents dated a minute ahead, and no more [guard: document-issued]', async () => {
    await expect(establish(acme, {}, NOW - 60)).resolves.toBeInstanceOf(Trust);
    await expect(establish(acme, {}, NOW - 61)).rejects.toMatchObject({ code: 'clock_skew', check: 'document-issued' });
  });

  it('accepts documents dated ahead by as much as the policy says', async () => {
    const exact = await makeOrganisation({ now: NOW, policy: { max_skew: 5 } });
    await expect(establish(exact, {}, NOW - 5)).resolves.toBeInstanceOf(Trust);
    await expect(establish(exact, {}, NOW - 6)).rejects.toMatchObject({ code: 'clock_skew', check: 'document-issued' });
  });

  it('refuses an expired directory, at the second it expires [guard: trust-fresh]', async () => {
    const trust = await establish(acme, {});
    expect(() => trust.requireUnexpired(NOW + 90 * DAY - 1)).not.toThrow();
    expect(() => trust.requireUnexpired(NOW + 90 * DAY)).toThrow(
      expect.objectContaining({ code: 'trust_expired', check: 'trust-fresh' }),
    );
  });

  it('refuses an expired policy beside a fresh directory', async () => {
    const now = NOW + YEAR;
    const { policy } = acme.documents;
    const root = await acme.sign('root', { ...acme.trust.root, version: 2, ...lasting(now) });
    const token = await directory(acme, (draft) => Object.assign(draft, lasting(now)));
    const changes = { roots: [...acme.documents.roots, root], policy, directory: token };
    await expect(establish(acme, changes, now)).rejects.toMatchObject({ code: 'trust_expired' });
    await expect(establish(acme, changes, now - 1)).resolves.toBeInstanceOf(Trust);
  });

  it('refuses an expired root beside fresh policy and directory', async () => {
    const now = NOW + YEAR;
    const policy = await acme.sign('policy', { ...acme.trust.policy, ...lasting(now) });
    const { hash } = await parsePolicy(policy);
    const token = await directory(acme, (draft) =>
      Object.assign(draft, lasting(now), { policy: { version: 1, hash } }),
    );
    await expect(establish(acme, { policy, directory: token }, now)).rejects.toMatchObject({ code: 'trust_expired' });
  });

  it('judges expiry last: a forged and expired directory is forged', async () => {
    const token = await signDocument(acme.trust.directory, globex.signers.directory);
    await expect(establish(acme, { directory: token }, NOW + YEAR)).rejects.toMatchObject({
      code: 'signature_invalid',
    });
  });

  it('takes expired documents where that is asked for', async () => {
    const { org, pin, documents } = acme;
    const trust = await Trust.establish(documents, { org, pin, now: NOW + 2 * YEAR, acceptExpired: true });
    expect(() => trust.requireFresh(NOW + 2 * YEAR)).toThrow(expect.objectContaining({ code: 'trust_expired' }));
    expect(() => trust.requireFresh(NOW)).not.toThrow();
  });
});

function lasting(now: number): { issued: string; expires: string } {
  return { issued: timestampOf(now - 30), expires: timestampOf(now + DAY) };
}

describe('after the keys of a role were rotated', () => {
  /** acme with root 2, whose policy and directory keys are those of globex; documents are still of root 1. */
  let rotated: TrustDocuments;
  let next: readonly Signer[];

  beforeAll(async () => {
    const draft = structuredClone(acme.trust.root);
    Object.assign(draft.keys, globex.trust.root.keys);
    draft.version = 2;
    draft.issued = timestampOf(NOW - 60);
    draft.roles.policy = globex.trust.root.roles.policy;
    draft.roles.directory = globex.trust.root.roles.directory;
    rotated = { ...acme.documents, roots: [...acme.documents.roots, await acme.sign('root', draft)] };
    next = [...globex.signers.policy, ...globex.signers.directory];
  });

  it('refuses documents by the old keys', async () => {
    await expect(establish(acme, rotated)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'policy-signatures',
    });
  });

  it('accepts the same documents once the new keys cosigned them', async () => {
    let { policy, directory: token } = rotated;
    for (const signer of next) {
      policy = await cosignDocument(policy, signer);
      token = await cosignDocument(token, signer);
    }
    expect((await establish(acme, { ...rotated, policy, directory: token })).root.version).toBe(2);
  });

  it.each([
    ['the policy', 'policy'],
    ['the directory', 'directory'],
  ] as const)('refuses %s by the new keys alone that states the old root', async (_what, role) => {
    const both = async (token: string) => {
      for (const signer of next) token = await cosignDocument(token, signer);
      return token;
    };
    const documents = {
      ...rotated,
      policy: await both(rotated.policy),
      directory: await both(rotated.directory),
      [role]: await signDocument(acme.trust[role], next),
    };
    await expect(establish(acme, documents)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: `${role}-signatures`,
    });
  });

  it('verifies evidence under the root that its documents state', async () => {
    const trust = await Trust.establish(rotated, {
      org: 'acme',
      pin: acme.pin,
      now: NOW,
      acceptExpired: true,
      underStatedRoot: true,
    });
    expect(trust.directoryRef).toEqual(acme.trust.directoryRef);
  });

  it('refuses evidence by new keys that states the old root [guard: policy-threshold]', async () => {
    const token = await signDocument(acme.trust.directory, next);
    const options = { org: 'acme', pin: acme.pin, now: NOW, underStatedRoot: true };
    await expect(Trust.establish({ ...rotated, directory: token }, options)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'directory-signatures',
    });
  });
});
