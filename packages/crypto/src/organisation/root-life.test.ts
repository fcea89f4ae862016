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
    ['a minute before them', -60],
    ['after them', 600],
  ])('beside a later root that came %s', async (_when, seconds) => {
    expect((await establish(await replaced(seconds), issued() + 900)).root.version).toBe(2);
  });

  it('a minute before their root', async () => {
    const trust = await establish(await directoryOf(rootIssued() - 60));
    expect(trust.directory.version).toBe(acme.trust.directory.version);
  });
});

describe('documents are refused', () => {
  it('beside a later root that came more than a minute before them [guard: document-after-root]', async () => {
    await expect(establish(await replaced(-61), issued() + 900)).rejects.toMatchObject({
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
