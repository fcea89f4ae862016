import { beforeAll, describe, expect, it } from '@jest/globals';
import { timestampOf } from '../tokens/document-times.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { Trust } from './trust.js';
import type { TrustDocuments } from './trust-documents.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const YEAR = 365 * DAY;

let acme: TestOrganisation;
beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW });
});

function establish(changes: Partial<TrustDocuments>, now = NOW, options = {}): Promise<Trust> {
  const { org, pin, documents } = acme;
  return Trust.establish({ ...documents, ...changes }, { org, pin, now, ...options });
}

/** The chain with a root 2, with the same keys, that came so many seconds after the documents. */
async function replaced(seconds: number): Promise<Partial<TrustDocuments>> {
  const at = issued() + seconds;
  const next = { ...acme.trust.root, version: 2, issued: timestampOf(at), expires: timestampOf(at + YEAR) };
  return { roots: [...acme.documents.roots, await acme.sign('root', next)] };
}
const issued = () => Date.parse(acme.trust.directory.issued) / 1000;

/** The directory as it would be if it had been issued then. */
async function directoryOf(at: number): Promise<Partial<TrustDocuments>> {
  const times = { issued: timestampOf(at), expires: timestampOf(at + 60 * DAY) };
  return { directory: await acme.sign('directory', { ...acme.trust.directory, ...times }) };
}
const rootIssued = () => Date.parse(acme.trust.root.issued) / 1000;

describe('documents count', () => {
  it.each([
    ['sixteen minutes before them: the vault may have taken it so late', -960],
    ['after them', 600],
  ])('beside a later root that came %s', async (_when, seconds) => {
    expect((await establish(await replaced(seconds), issued() + 900)).root.version).toBe(2);
  });

  it('a minute before their root', async () => {
    const trust = await establish(await directoryOf(rootIssued() - 60));
    expect(trust.directory.version).toBe(acme.trust.directory.version);
  });
});

describe('a newer root is passed over by who has seen the one before', () => {
  const seen = () => ({ previous: acme.trust });

  it('where the documents beside it are those of before [guard: root-alone]', async () => {
    const { roots } = acme.documents;
    await expect(establish(await replaced(600), issued() + 900, seen())).resolves.toMatchObject({
      root: { version: 1 },
      documents: { roots },
      directoryRef: acme.trust.directoryRef,
    });
  });

  it('and taken with a policy and a directory under it', async () => {
    const trust = await establish(await acme.signRoot(undefined, NOW + 600), NOW + 600, seen());
    expect([trust.root, trust.policy, trust.directory].map(({ version }) => version)).toEqual([2, 2, 2]);
  });

  it('and refused where the policy is of before [guard: root-with-policy]', async () => {
    const next = await acme.signRoot(undefined, NOW + 600);
    const { version, hash } = acme.trust.memory.policy;
    const directory = { ...acme.trust.directory, root_version: 2, policy: { version, hash } };
    const times = { issued: timestampOf(NOW + 600), expires: timestampOf(NOW + DAY) };
    const { ver, hash: prev } = acme.trust.directoryRef;
    const follows = { version: ver + 1, prev, chain: await acme.trust.nextChain() };
    const signed = await acme.sign('directory', { ...directory, ...times, ...follows });
    await expect(establish({ roots: next.roots, directory: signed }, NOW + 600, seen())).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'policy-root-version',
    });
  });

  it('where it is dated ahead, with what is under it [guard: root-ahead]', async () => {
    const ahead = { code: 'clock_skew', check: 'root-ahead' };
    const next = await acme.signRoot(undefined, NOW + 61);
    await expect(establish(next, NOW, seen())).rejects.toMatchObject(ahead);
    await expect(establish(next, NOW)).rejects.toMatchObject(ahead);
    expect((await establish({ roots: next.roots }, NOW)).root.version).toBe(1);
    expect((await establish(next, NOW + 1, seen())).root.version).toBe(2);
  });
});

describe('documents are refused', () => {
  it('beside a later root that came more than sixteen minutes before them [guard: document-after-root]', async () => {
    await expect(establish(await replaced(-961), issued() + 900)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'policy-root-life',
    });
  });

  it('more than a minute before their root [guard: document-before-root]', async () => {
    await expect(establish(await directoryOf(rootIssued() - 61))).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'directory-root-life',
    });
  });

  it.each([
    ['a live party', {}],
    ['evidence', { acceptExpired: true, underStatedRoot: true }],
  ])('of after the end of their root, by %s', async (_whom, options) => {
    const end = Date.parse(acme.trust.root.expires) / 1000;
    await expect(establish(await directoryOf(end + 61), end + 90, options)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'directory-root-life',
    });
  });
});
