import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Signer } from '../keys/signer.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';
import { decodeBase64url, decodeUtf8 } from '../encoding/bytes.js';
import { cosignDocument } from '../tokens/document.js';
import { timestampOf } from '../tokens/document-times.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { DirectoryDocument } from './directory.js';
import type { JudgedProposal, ProposalExpectation } from './judged-proposal.js';
import { demandsOf, documentsAfter, isComplete, judgeProposal, signaturesBy, signProposal } from './judged-proposal.js';
import type { PolicyDocument } from './policy.js';
import { parsePolicy } from './policy.js';
import type { ProposalParts } from './proposal.js';
import { composeProposal, mergeProposals, parseProposal } from './proposal.js';
import type { RootDocument } from './root.js';
import { Trust } from './trust.js';

const NOW = 1_800_000_000;
const HOUR = 3_600;
const DAY = 86_400;

let acme: TestOrganisation;
let fresh: Signer & { readonly publicJwk: RootDocument['keys'][string]['jwk'] };
beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW, suite: 'p256' });
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  fresh = { ...(await loadSigner(privateJwk, 'Ed25519')), publicJwk };
});

interface Drafts {
  root?: RootDocument;
  policy?: PolicyDocument;
  directory: DirectoryDocument;
}
type Change = (drafts: Required<Drafts>) => void;

/** The parts of a proposal that replaces the key of the directory, an hour from now. */
async function parts(change: Change = () => undefined, at = NOW + HOUR): Promise<ProposalParts> {
  const { trust } = acme;
  const times = { issued: timestampOf(at), expires: timestampOf(at + 60 * DAY) };
  const root = { ...structuredClone(trust.root), ...times, version: 2 };
  root.keys[fresh.kid] = { jwk: fresh.publicJwk, alg: 'Ed25519' };
  root.roles.directory = { kids: [fresh.kid], threshold: 1 };
  const before = trust.memory.policy;
  const policy = { ...structuredClone(trust.policy), ...times, version: 2, prev: before.hash, root_version: 2 };
  const { ver, hash: prev } = trust.directoryRef;
  const directory = {
    ...structuredClone(trust.directory),
    ...times,
    version: ver + 1,
    root_version: 2,
    prev,
    chain: await trust.nextChain(),
  };
  const drafts = { root, policy, directory };
  change(drafts);
  await name(drafts);
  const { version, hash } = trust.memory.directory;
  return {
    org: 'acme',
    by: acme.owner.urn,
    why: 'directory.key was stolen',
    at: timestampOf(NOW),
    base: { root: trust.memory.root, policy: before, directory: { version, hash } },
    documents: trust.documents,
    next: drafts,
  };
}

/** Has the directory name the policy, unless it names another on purpose. */
async function name({ policy, directory }: Required<Drafts>): Promise<void> {
  if (directory.policy.version !== acme.trust.directory.policy.version) return;
  const { hash } = await parsePolicy(JSON.stringify({ payload: encoded(policy), signatures: [] }), 'proposed');
  directory.policy = { version: policy.version, hash };
}
const encoded = (payload: object) => Buffer.from(JSON.stringify(payload)).toString('base64url');

async function judged(given: ProposalParts, options: Partial<ProposalExpectation> = {}): Promise<JudgedProposal> {
  const { pin, trust } = acme;
  const proposal = await parseProposal(await composeProposal(given));
  return judgeProposal(proposal, { org: 'acme', pin, now: NOW, previous: trust, ...options });
}
const refusal = (code: string, check: string) => ({ code, check });
const notNext = refusal('trust_rollback', 'proposal-next');

describe('a proposal', () => {
  it('is signed key by key, until nothing is missing, and then is what everybody takes', async () => {
    const first = await judged(await parts());
    expect(
      (await demandsOf(first)).map(({ kind, under, threshold, signed }) => [kind, under, threshold, signed.length]),
    ).toEqual([
      ['root', 1, 1, 0],
      ['root', 2, 1, 0],
      ['policy', 2, 1, 0],
      ['directory', 2, 1, 0],
    ]);
    await expect(documentsAfter(first, NOW)).rejects.toMatchObject({ code: 'token_malformed' });
    const all = [...acme.signers.root, ...acme.signers.policy, ...acme.signers.directory, fresh];
    let last = first;
    for (const signer of all) {
      const added = await signaturesBy(last, [signer.kid]);
      const text = await signProposal(last, [signer], added);
      last = await judgeProposal(await parseProposal(text), {
        org: 'acme',
        pin: acme.pin,
        now: NOW,
        previous: acme.trust,
      });
      expect(await signaturesBy(last, [signer.kid])).toEqual([]);
    }
    expect(last.proposal.hash).toBe(first.proposal.hash);
    expect(isComplete(await demandsOf(last))).toBe(true);
    const { org, pin, trust } = acme;
    const after = await documentsAfter(last, NOW);
    const then = await Trust.establish(after, { org, pin, now: NOW + HOUR, previous: trust });
    expect(then.root.roles.directory.kids).toEqual([fresh.kid]);
    // The key that goes signs nothing of it.
    expect(last.proposal.next.directory.signatures.map(({ kid }) => kid)).toEqual([fresh.kid]);
  });

  it('travels without a memory, by the pin alone', async () => {
    const { base } = await judged(await parts(), { previous: undefined });
    expect(base.directoryRef).toEqual(acme.trust.directoryRef);
  });

  it('is one of several copies, with the signatures of all [guard: proposal-merge]', async () => {
    const text = await composeProposal(await parts());
    const copies: string[] = [];
    for (const signer of [...acme.signers.root, fresh]) {
      const one = await judgeProposal(await parseProposal(text), { org: 'acme', pin: acme.pin, now: NOW });
      copies.push(await signProposal(one, [signer], await signaturesBy(one, [signer.kid])));
    }
    const { next } = await parseProposal(await mergeProposals(copies));
    expect([next.root?.signatures.length, next.directory.signatures.length]).toEqual([acme.signers.root.length, 1]);
    const other = await composeProposal(await parts(undefined, NOW + 2 * HOUR));
    await expect(mergeProposals([text, other])).rejects.toMatchObject(refusal('token_malformed', 'proposal-merge'));
  });
});

describe('a proposal is refused', () => {
  it.each<[string, Change]>([
    ['whose root is not the next', ({ root }) => (root.version = 3)],
    [
      'that turns the organisation to another profile [guard: proposal-profile]',
      ({ root }) => (root.profile = 'production'),
    ],
    ['of another organisation', ({ root }) => (root.org = 'other')],
    ['whose policy is not the next', ({ policy }) => Object.assign(policy, { version: 3 })],
    ['whose policy follows another one [guard: proposal-policy-next]', ({ policy }) => (policy.prev = 'A'.repeat(43))],
    ['whose policy is of the root before [guard: proposal-policy-under]', ({ policy }) => (policy.root_version = 1)],
    ['whose directory is not the next', ({ directory }) => (directory.version += 1)],
    ['whose directory follows another one', ({ directory }) => (directory.prev = 'A'.repeat(43))],
    [
      'whose directory is of the root before [guard: proposal-directory-under]',
      ({ directory }) => (directory.root_version = 1),
    ],
    [
      'whose directory is of another chain [guard: proposal-chain]',
      ({ directory }) => (directory.chain = 'A'.repeat(43)),
    ],
    [
      'whose directory names another policy [guard: proposal-names-policy]',
      ({ directory }) => (directory.policy = { version: 2, hash: 'A'.repeat(43) }),
    ],
    ['whose policy is of another moment [guard: proposal-moment]', ({ policy }) => (policy.issued = timestampOf(NOW))],
  ])('%s', async (_what, change) => {
    await expect(judged(await parts(change))).rejects.toMatchObject(notNext);
  });

  it('with a root that leaves one out [guard: proposal-root-next]', async () => {
    const given = await parts(({ root, policy, directory }) => {
      for (const one of [policy, directory]) one.root_version = 3;
      root.version = 3;
    });
    await expect(judged(given)).rejects.toMatchObject(notNext);
  });

  it('that takes a revocation back [guard: proposal-continues]', async () => {
    const organisation = await makeOrganisation({ now: NOW, suite: 'p256' });
    const before = acme;
    await organisation.publish((draft) => {
      draft.revoked.push({ kid: organisation.auditor.sig.kid, reason: 'keyCompromise', at: NOW });
    });
    acme = organisation;
    try {
      const given = await parts(({ directory }) => (directory.revoked = []));
      await expect(judged(given)).rejects.toMatchObject(refusal('trust_rollback', 'directory-revoked'));
    } finally {
      acme = before;
    }
  });

  it('that says it stands on something else than it shows [guard: proposal-base]', async () => {
    const given = await parts();
    const base = { ...given.base, policy: { ...given.base.policy, hash: 'A'.repeat(43) } };
    await expect(judged({ ...given, base })).rejects.toMatchObject(refusal('trust_rollback', 'proposal-base'));
  });

  it('that stands on what is not the newest any more', async () => {
    const organisation = await makeOrganisation({ now: NOW, suite: 'p256' });
    const before = acme;
    acme = organisation;
    try {
      const given = await parts();
      const previous = await organisation.publish();
      await expect(judged(given, { previous })).rejects.toMatchObject(refusal('trust_rollback', 'directory-rollback'));
    } finally {
      acme = before;
    }
  });

  it('that no vault takes any more [guard: proposal-over]', async () => {
    const given = await parts();
    expect((await judged(given, { now: NOW + HOUR + 900 })).until).toBe(NOW + HOUR + 900);
    await expect(judged(given, { now: NOW + HOUR + 901 })).rejects.toMatchObject(
      refusal('trust_expired', 'proposal-over'),
    );
  });

  it('more than 14 days ahead of when it was proposed, or from the future [guard: proposal-ahead] [guard: proposal-at]', async () => {
    const ahead = refusal('clock_skew', 'proposal-ahead');
    expect((await judged(await parts(undefined, NOW + 14 * DAY))).from).toBe(NOW + 14 * DAY);
    await expect(judged(await parts(undefined, NOW + 14 * DAY + 1))).rejects.toMatchObject(ahead);
    const late = { ...(await parts()), at: timestampOf(NOW + 61) };
    await expect(judged(late)).rejects.toMatchObject(ahead);
  });

  it('with a signature that is not good, or of a key that does not count [guard: proposal-signatures]', async () => {
    const given = await parts();
    const text = await composeProposal(given);
    const { next } = await parseProposal(text);
    const bad = refusal('signature_invalid', 'proposal-signatures');
    const [old] = acme.signers.directory;
    if (old === undefined) throw new Error('no signer');
    const foreign = { ...given.next, directory: await cosignDocument(next.directory.token, old) };
    await expect(judged({ ...given, next: foreign })).rejects.toMatchObject(bad);
    const good = await cosignDocument(next.directory.token, fresh);
    const forged = { ...given.next, directory: good.replace(/"signature":"..../, '"signature":"AAAA') };
    await expect(judged({ ...given, next: forged })).rejects.toMatchObject(bad);
  });

  it('with a root and no policy under it [guard: proposal-whole]', async () => {
    const { next, ...given } = await parts();
    const text = await composeProposal({ ...given, next: { root: next.root, directory: next.directory } });
    await expect(parseProposal(text)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each([
    ['a line break in what it says [guard: proposal-line]', { why: 'one\ntwo' }],
    ['nobody who began it', { by: '' }],
    ['a request to come in that is none', { enrolment: 'enr_1' }],
    ['a date that is none', { at: '2027-02-30T00:00:00Z' }],
  ])('with %s', async (_what, change) => {
    const text = await composeProposal({ ...(await parts()), ...change });
    await expect(parseProposal(text)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('with a member more, or written another way', async () => {
    const text = await composeProposal(await parts());
    for (const other of [
      text.replace('"v":1', '"v":1,"w":1'),
      text.replace('"v":1', '"v": 1'),
      text.replace('"v":1', '"v":2'),
    ])
      await expect(parseProposal(other)).rejects.toMatchObject({ code: 'token_malformed' });
    expect(JSON.parse(decodeUtf8(decodeBase64url(JSON.parse(JSON.parse(text).next.root).payload))).version).toBe(2);
  });
});
