import { beforeAll, describe, expect, it } from '@jest/globals';
import { answerFile, castOfMembers, exchange } from '../test/answers.js';
import { decodeBase64url, decodeUtf8, encodeBase64url, utf8 } from './bytes.js';
import { cosignDocument } from './document.js';
import { generateKeyPair, loadSigner } from './signer.js';
import type { TestOrganisation } from './testing.js';
import { makeOrganisation } from './testing.js';
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
    await expect(verifyWith(await make())).rejects.toMatchObject({ code, check });
  });

  it('may carry every signature of their role', async () => {
    await expect(verifyWith(() => undefined)).resolves.toMatchObject({ valid: true });
  });

  it('are judged by the root that they state, though a later one gave their roles to other keys', async () => {
    const root = structuredClone(organisation.trust.root);
    root.version += 1;
    const { kid, publicJwk } = await generateKeyPair('ed25519', 'sig');
    root.keys[kid] = { jwk: publicJwk, alg: 'Ed25519' };
    for (const role of ['policy', 'directory'] as const) root.roles[role] = { kids: [kid], threshold: 1 };
    const later = await organisation.sign('root', root);
    await expect(verifyWith(({ root: roots }) => roots.push(later))).resolves.toMatchObject({ valid: true });
  });
});
