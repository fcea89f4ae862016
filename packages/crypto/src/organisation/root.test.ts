import { beforeAll, describe, expect, it } from '@jest/globals';
import { signDocument } from '../tokens/document.js';
import type { RootDocument } from './root.js';
import { parseRoot, pinOf, verifyRootChain } from './root.js';
import type { Signer } from '../keys/signer.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { keyPairOf } from '../testing/members.js';

const NOW = 1_800_000_000;
/** Each role has three keys; two must sign. */
let acme: TestOrganisation;
let globex: TestOrganisation;
let version1: RootDocument;
let old: readonly Signer[];

beforeAll(async () => {
  const quorum = { keys: 3, threshold: 2 };
  acme = await makeOrganisation({ now: NOW, recovery: true, quorums: { root: quorum } });
  globex = await makeOrganisation({ org: 'globex', now: NOW });
  version1 = acme.trust.root;
  old = acme.signers.root;
});

/** Root version 1 of acme with a change, signed by all its root keys. */
function first(change: (draft: RootDocument) => void): Promise<string> {
  const draft = structuredClone(version1);
  change(draft);
  return signDocument(draft, old);
}

/** Root version 2 of acme with a change. */
async function second(change: (draft: RootDocument) => void, signers: readonly Signer[]): Promise<string> {
  const draft = structuredClone(version1);
  draft.version = 2;
  change(draft);
  return signDocument(draft, signers);
}

/** The keys of globex's root and directory stand in for the next root keys of acme. */
function rotateRootKeys(draft: RootDocument): void {
  Object.assign(draft.keys, globex.trust.root.keys);
  draft.roles.root = {
    kids: [...globex.trust.root.roles.root.kids, ...globex.trust.root.roles.directory.kids],
    threshold: 2,
  };
}

function nextSigners(): Signer[] {
  return [...globex.signers.root, ...globex.signers.directory];
}

describe('parsing a root', () => {
  it('takes RSA-3072 keys too', async () => {
    const { documents } = await makeOrganisation({ now: NOW, documentSuite: 'rsa3072' });
    const { payload } = await parseRoot(documents.roots[0] ?? '');
    expect(Object.values(payload.keys).map(({ alg }) => alg)).toEqual(['PS256', 'PS256', 'PS256']);
  });

  const aKid = () => version1.roles.directory.kids[0] ?? '';

  it.each<[string, string, (draft: RootDocument) => unknown]>([
    ['a role without keys', 'token_malformed', (draft) => (draft.roles.policy.kids = [])],
    ['a role whose key is not listed', 'token_malformed', (draft) => delete draft.keys[aKid()]],
    [
      'a role one of whose keys is not listed',
      'token_malformed',
      (draft) => delete draft.keys[draft.roles.root.kids[1] ?? ''],
    ],
    [
      'a role with one key twice [guard: root-role-distinct]',
      'token_malformed',
      (draft) => draft.roles.directory.kids.push(aKid()),
    ],
    ['threshold zero', 'token_malformed', (draft) => (draft.roles.root.threshold = 0)],
    ['a threshold above the number of keys', 'token_malformed', (draft) => (draft.roles.root.threshold = 4)],
    ['a fractional threshold', 'token_malformed', (draft) => (draft.roles.root.threshold = 1.5)],
    ['a missing role', 'token_malformed', (draft) => delete (draft.roles as Partial<RootDocument['roles']>).policy],
    ['a further role', 'token_malformed', (draft) => Object.assign(draft.roles, { mirrors: draft.roles.root })],
    ['a further member', 'token_malformed', (draft) => Object.assign(draft, { comment: '' })],
    ['another spec', 'token_malformed', (draft) => Object.assign(draft, { spec: '2' })],
    ['another profile', 'token_malformed', (draft) => Object.assign(draft, { profile: 'test' })],
    ['version zero', 'token_malformed', (draft) => (draft.version = 0)],
    ['an organisation in capitals', 'token_malformed', (draft) => (draft.org = 'Acme')],
    ['an organisation with a colon', 'token_malformed', (draft) => (draft.org = 'acme:dev')],
    ['an end before its start', 'token_malformed', (draft) => (draft.expires = draft.issued)],
    ['a life over 366 days', 'token_malformed', (draft) => (draft.expires = '2028-01-17T08:00:01Z')],
    [
      'a kid that is not the thumbprint [guard: root-kid]',
      'key_invalid',
      (draft) => (draft.keys['A'.repeat(43)] = anyKey(draft)),
    ],
    ['the algorithm of another suite', 'key_invalid', (draft) => (anyKey(draft).alg = 'PS256')],
    ['a private key', 'token_malformed', (draft) => Object.assign(anyKey(draft).jwk, { d: 'A'.repeat(43) })],
    [
      'a recovery key under another kid',
      'key_invalid',
      (draft) => draft.recovery_enc && (draft.recovery_enc.kid = 'A'.repeat(43)),
    ],
    [
      'a recovery key of another suite',
      'token_malformed',
      (draft) => Object.assign(draft.recovery_enc ?? {}, { suite: 'rsa2048' }),
    ],
  ])('refuses %s', async (_name, code, change) => {
    await expect(first(change).then(parseRoot)).rejects.toMatchObject({ code });
  });

  it('refuses RSA-2048, which may not sign documents', async () => {
    const { kid, publicJwk } = await keyPairOf('small', 'rsa2048', 'sig');
    const token = await first((draft) => (draft.keys[kid] = { jwk: publicJwk, alg: 'PS256' }));
    await expect(parseRoot(token)).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('refuses a recovery key of 2048 bits', async () => {
    const { kid, publicJwk } = await keyPairOf('small', 'rsa2048', 'enc');
    const token = await first((draft) => Object.assign(draft.recovery_enc ?? {}, { kid, jwk: publicJwk }));
    await expect(parseRoot(token)).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('refuses a recovery key that also signs [guard: recovery-signs]', async () => {
    const { kid, publicJwk } = await keyPairOf('acme recovery', 'rsa3072', 'enc');
    const token = await first((draft) => (draft.keys[kid] = { jwk: publicJwk, alg: 'PS256' }));
    await expect(parseRoot(token)).rejects.toMatchObject({ code: 'key_invalid' });
  });
});

function anyKey(draft: RootDocument): RootDocument['keys'][string] {
  const key = Object.values(draft.keys)[0];
  if (key === undefined) throw new Error('the root has no keys');
  return key;
}

describe('a root chain', () => {
  const verify = (...tokens: string[]) => verifyRootChain([...acme.documents.roots, ...tokens], acme);

  it('pins the payload of version 1 and not its signatures', async () => {
    const again = await signDocument(version1, old.slice(0, 2));
    expect(pinOf(await parseRoot(again))).toBe(acme.pin);
    expect(acme.pin).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('goes on to new keys that both the old and the new sign', async () => {
    const next = await second(rotateRootKeys, [...old, ...nextSigners()]);
    const { newest, roots } = await verify(next);
    expect(newest.payload.version).toBe(2);
    expect(roots).toHaveLength(2);
  });

  it('accepts an expired version between two', async () => {
    const expired = await second((draft) => (draft.expires = '2027-01-15T08:00:01Z'), old);
    const third = await second((draft) => (draft.version = 3), old);
    expect((await verify(expired, third)).newest.payload.version).toBe(3);
  });

  it.each<[string, { code: string; check?: string }, () => Promise<string[]>]>([
    ['no root at all', { code: 'token_malformed', check: 'root-count' }, async () => []],
    [
      'a chain of 257 versions',
      { code: 'token_malformed', check: 'root-count' },
      async () => Array(257).fill(acme.documents.roots[0]) as string[],
    ],
    [
      'a chain of 256 versions for its order alone',
      { code: 'trust_rollback', check: 'root-version' },
      async () => Array(256).fill(acme.documents.roots[0]) as string[],
    ],
    [
      'a self-made root [guard: root-pin]',
      { code: 'pin_mismatch', check: 'root-pin' },
      async () => [...globex.documents.roots],
    ],
    [
      'the pinned root with one byte changed',
      { code: 'pin_mismatch', check: 'root-pin' },
      async () => [await first((draft) => (draft.profile = 'production'))],
    ],
    [
      'a chain that starts at version 2',
      { code: 'pin_mismatch', check: 'root-pin' },
      async () => [await second(() => {}, old)],
    ],
  ])('refuses %s', async (_name, error, make) => {
    await expect(verifyRootChain(await make(), acme)).rejects.toMatchObject(error);
  });

  it('refuses the pinned root for another organisation [guard: root-organisation]', async () => {
    await expect(verifyRootChain(acme.documents.roots, { org: 'globex', pin: acme.pin })).rejects.toMatchObject({
      code: 'pin_mismatch',
      check: 'root-organisation',
    });
  });

  it('refuses a pinned root that is not version 1', async () => {
    const token = await second(() => {}, old);
    const pin = pinOf(await parseRoot(token));
    await expect(verifyRootChain([token], { org: 'acme', pin })).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'root-version',
    });
  });

  it('refuses a pinned root without its own threshold [guard: root-first-signed]', async () => {
    const token = await signDocument(version1, old.slice(0, 1));
    await expect(verifyRootChain([token], acme)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'root-signatures',
    });
  });

  it.each<[string, { code: string; check: string }, (draft: RootDocument) => unknown, () => readonly Signer[]]>([
    [
      'a version left out [guard: root-version]',
      { code: 'trust_rollback', check: 'root-version' },
      (draft) => (draft.version = 3),
      () => old,
    ],
    [
      'the same version again',
      { code: 'trust_rollback', check: 'root-version' },
      (draft) => (draft.version = 1),
      () => old,
    ],
    [
      'another organisation',
      { code: 'pin_mismatch', check: 'root-organisation' },
      (draft) => (draft.org = 'globex'),
      () => old,
    ],
    [
      'one signature of two [refuses: one-of-two]',
      { code: 'signature_invalid', check: 'root-signatures' },
      () => {},
      () => old.slice(0, 1),
    ],
    [
      'the new keys alone [guard: root-by-old]',
      { code: 'signature_invalid', check: 'root-signatures' },
      rotateRootKeys,
      nextSigners,
    ],
    [
      'the old keys alone [guard: root-by-new]',
      { code: 'signature_invalid', check: 'root-signatures' },
      rotateRootKeys,
      () => old,
    ],
    [
      'the old threshold and half the new',
      { code: 'signature_invalid', check: 'root-signatures' },
      rotateRootKeys,
      () => [...old, ...nextSigners().slice(0, 1)],
    ],
    [
      'half the old threshold and the new',
      { code: 'signature_invalid', check: 'root-signatures' },
      rotateRootKeys,
      () => [...old.slice(0, 1), ...nextSigners()],
    ],
    [
      'keys that voted for themselves',
      { code: 'signature_invalid', check: 'root-signatures' },
      (draft) => {
        rotateRootKeys(draft);
        draft.roles.root.threshold = 1;
      },
      () => [...old.slice(0, 1), ...nextSigners()],
    ],
  ])('refuses a next version with %s', async (_name, error, change, signers) => {
    await expect(second(change, signers()).then(verify)).rejects.toMatchObject(error);
  });
});
