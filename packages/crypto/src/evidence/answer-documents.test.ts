import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { answerFile, castOfMembers, exchange } from '../../test/answers.js';
import { decodeBase64url, decodeUtf8, encodeBase64url, utf8 } from '../encoding/bytes.js';
import { parseDirectory } from '../organisation/directory.js';
import { cosignDocument } from '../tokens/document.js';
import { timestampOf } from '../tokens/document-times.js';
import { composeAnswer } from './evidence.js';
import { parsePolicy } from '../organisation/policy.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from './verify-answer.js';
import { verifyAnswer } from './verify-answer.js';

type Documents = { root: string[]; policy: string; directory: string };

let organisation: TestOrganisation;
let verifyWith: (change: (documents: Documents) => void) => Promise<unknown>;

beforeAll(async () => {
  organisation = await makeOrganisation({ quorums: { directory: { keys: 2, threshold: 1 } } });
  const { pin, now } = organisation;
  const { parts } = await exchange(await castOfMembers(organisation), organisation.author);
  verifyWith = (change) => {
    const file = answerFile(parts, ({ evidence }) => change(evidence as unknown as Documents));
    return verifyAnswer(file, { pin, now: now + 60 });
  };
});

/** A document with the text of its payload replaced, under the old signatures. */
function edited(token: string, old: string | RegExp, next: (found: string) => string): string {
  const document = JSON.parse(token) as { payload: string };
  const payload = decodeUtf8(decodeBase64url(document.payload)).replace(old, next);
  return JSON.stringify({ ...document, payload: encodeBase64url(utf8(payload)) });
}

async function stranger() {
  const { privateJwk } = await generateKeyPair('ed25519', 'sig');
  return loadSigner(privateJwk, 'Ed25519');
}

describe('the documents in answer.json', () => {
  it.each<[string, () => Promise<(documents: Documents) => void>, string, string]>([
    [
      'a key of the root that is not its kid’s',
      async () => (documents) =>
        (documents.root = documents.root.map((root) =>
          edited(root, /(?<="x":")./, (letter) => (letter === 'A' ? 'B' : 'A')),
        )),
      'token_malformed',
      'trust',
    ],
    [
      'a policy that the directory does not name',
      async () => {
        const policy = await organisation.sign('policy', { ...organisation.trust.policy, chat: ['grp:support'] });
        return (documents) => (documents.policy = policy);
      },
      'envelope_tampered',
      'directory-policy',
    ],
    [
      'a directory that states a root it does not show',
      async () => {
        const directory = await organisation.sign('directory', { ...organisation.trust.directory, root_version: 2 });
        return (documents) => (documents.directory = directory);
      },
      'envelope_tampered',
      'directory-root-version',
    ],
    [
      'a signature beyond the threshold that is not good [guard: answer-documents]',
      async () => (documents) => {
        const document = JSON.parse(documents.directory) as { signatures: { signature: string }[] };
        const [first, second] = document.signatures;
        if (first !== undefined && second !== undefined) second.signature = first.signature;
        documents.directory = JSON.stringify(document);
      },
      'signature_invalid',
      'document-signatures',
    ],
    [
      'a signature by a key that no root lists',
      async () => {
        const cosigned = await cosignDocument(organisation.documents.policy, await stranger());
        return (documents) => (documents.policy = cosigned);
      },
      'signature_invalid',
      'document-signatures',
    ],
    [
      'a directory that was edited',
      async () => (documents) => (documents.directory = edited(documents.directory, '"auditor"', () => '"invoker"')),
      'signature_invalid',
      'directory-signatures',
    ],
  ])('are refused with %s', async (_name, make, code, check) => {
    expect(await verifyWith(await make())).toMatchObject({ valid: false, failure: { code, check } });
  });

  it('may carry every signature of their role', async () => {
    await expect(verifyWith(() => undefined)).resolves.toMatchObject({ valid: true });
  });

  it('are judged by the root that they state, and no longer count where a later one gave their roles to other keys', async () => {
    const root = structuredClone(organisation.trust.root);
    root.version += 1;
    const { kid, publicJwk } = await generateKeyPair('ed25519', 'sig');
    root.keys[kid] = { jwk: publicJwk, alg: 'Ed25519' };
    for (const role of ['policy', 'directory'] as const) root.roles[role] = { kids: [kid], threshold: 1 };
    const later = await organisation.sign('root', root);
    await expect(verifyWith(({ root: roots }) => roots.push(later))).resolves.toMatchObject({
      verdict: `REVOKED SINCE ${root.issued}`,
      answer: { profile: 'development' },
    });
  });
});

describe('documents of after their root', () => {
  const YEAR = 365 * 86_400;
  let acme: TestOrganisation;
  beforeEach(async () => {
    acme = await makeOrganisation();
  });

  /** The verdict, long after, on an answer under a directory of a time, which the key of root 1 signed. */
  async function answeredUnder(issued: number, roots: readonly string[] = acme.documents.roots): Promise<Verdict> {
    const { pin, trust, documents } = acme;
    const { policy, directory } = trust;
    const times = (days: number) => ({ issued: timestampOf(issued), expires: timestampOf(issued + days * 86_400) });
    const newPolicy = await acme.sign('policy', { ...policy, ...times(300) });
    const named = { version: policy.version, hash: (await parsePolicy(newPolicy)).hash };
    const token = await acme.sign('directory', { ...directory, ...times(60), policy: named });
    // Nobody would establish the trust that a thief of the key can make.
    const hash = (await parseDirectory(token)).hash;
    const cast = { ...(await castOfMembers(acme)), now: issued + 60 };
    const fin = { dir: { ver: directory.version, hash }, iat: issued + 65 };
    const { parts } = await exchange(cast, acme.author, { fin });
    const shown = { ...documents, roots, policy: newPolicy, directory: token };
    return verifyAnswer(composeAnswer({ ...parts, documents: shown }), { pin, now: issued + 3 * YEAR });
  }
  const rootLife = { code: 'signature_invalid', check: 'policy-root-life' };

  it('are refused where the root had expired', async () => {
    const end = Date.parse(acme.trust.root.expires) / 1000;
    expect(await answeredUnder(end + 61)).toMatchObject({ valid: false, failure: rootLife });
    expect(await answeredUnder(end - 120 * 86_400)).not.toMatchObject({ failure: rootLife });
  });

  it('are refused where a later root stands in the file', async () => {
    const after = acme.now + 3600;
    const next = { ...acme.trust.root, version: 2, issued: timestampOf(after) };
    const roots = [...acme.documents.roots, await acme.sign('root', next)];
    expect(await answeredUnder(after + 961, roots)).toMatchObject({ valid: false, failure: rootLife });
    expect(await answeredUnder(after - 600, roots)).not.toMatchObject({ failure: rootLife });
  });

  it.each([
    ['no later one', false],
    ['a later root that is production [guard: answer-profile]', true],
  ])('are those of a development organisation under its root, beside %s', async (_what, isLater) => {
    const { parts } = await exchange(await castOfMembers(acme), acme.author);
    const later = await acme.publishRoot((draft) => (draft.profile = 'production'), acme.now + 60);
    const documents = { ...parts.documents, ...(isLater && { roots: later.documents.roots }) };
    const verdict = await verifyAnswer(composeAnswer({ ...parts, documents }), { pin: acme.pin, now: acme.now + 3600 });
    expect(verdict).toMatchObject({ valid: true, answer: { profile: 'development' } });
    expect(verdict.checks[1]?.detail).toMatch(
      isLater ? /under development root 1 of 2$/ : /under development root 1 of 1$/,
    );
  });
});
