import { beforeAll, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange } from '../test/answers.js';
import type { Cast } from '../test/exchange.js';
import type { Bytes } from './bytes.js';
import { utf8 } from './bytes.js';
import { CryptoError } from './errors.js';
import { composeAnswer } from './evidence.js';
import { generateKeyPair, loadSigner } from './signer.js';
import type { Signer } from './signer.js';
import type { TestOrganisation } from './testing.js';
import { makeOrganisation } from './testing.js';
import { verifyAnswer } from './verify-answer.js';

/** What a changed byte may be refused as: shape, signature, hash or pin, or a `kid` that is now nobody's. */
const CODES = new Set([
  'token_malformed',
  'signature_invalid',
  'envelope_tampered',
  'pin_mismatch',
  'key_unknown',
  'responder_key_changed',
]);

let organisation: TestOrganisation;
let small: Bytes;
let usual: Bytes;

beforeAll(async () => {
  organisation = await makeOrganisation({ quorums: { directory: { keys: 3, threshold: 2 } } });
  const cast = await castOfMembers(organisation);
  usual = utf8(await answerOf(cast, organisation.author, true));
  small = utf8(await smallAnswer(cast));
});

async function answerOf(cast: Cast, tagger: TestOrganisation['author'], show: boolean): Promise<string> {
  const { parts, asked } = await exchange(cast, tagger, { contents: ['Hi.'] });
  return composeAnswer({ ...parts, ...(show && { invocation: asked.sealed.inner }) });
}

/** An answer of the same organisation with three entities and short keys, so that every byte of it can be tried. */
async function smallAnswer(cast: Cast): Promise<string> {
  const { vault, owner, responders } = organisation;
  const members = [vault, owner, responders[0]];
  const pairs = await Promise.all(members.map(() => generateKeyPair('ed25519', 'sig')));
  const trust = await organisation.publish((draft) => {
    const entries = members.map(({ urn, entity }, index) => {
      const pair = pairs[index];
      if (pair === undefined) throw new Error('a member has no key');
      const { kid, publicJwk: jwk } = pair;
      const keys = entity.keys.slice(0, 1).map((record) => ({ ...record, kid, jwk, alg: 'Ed25519', suite: 'ed25519' }));
      return [urn, { ...entity, keys }];
    });
    draft.entities = Object.fromEntries(entries) as typeof draft.entities;
  });
  const signers = await Promise.all(pairs.map(({ privateJwk }) => loadSigner(privateJwk, 'Ed25519')));
  const [byVault, byOwner, byResponder] = signers as [Signer, Signer, Signer];
  const asker = { ...owner, signer: byOwner };
  const parts = {
    trust,
    vault: { ...vault, signer: byVault },
    asker,
    responder: { ...cast.responder, signer: byResponder },
  };
  return answerOf({ ...cast, ...parts }, asker, false);
}

function verify(file: Bytes): Promise<unknown> {
  return verifyAnswer(file, { pin: organisation.pin, now: organisation.now + 60 });
}

/** Changes one byte at a time and collects what was accepted, or refused for another reason than it may be. */
async function surprises(file: Bytes, stride: number, mask: number): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < file.length; at += stride) {
    const changed = file.slice();
    changed[at] = (changed[at] ?? 0) ^ mask;
    try {
      await verify(changed);
      found.push(`byte ${at} is idle`);
    } catch (error) {
      const { code, check } = error as CryptoError;
      if (!(error instanceof CryptoError && CODES.has(code) && check !== undefined))
        found.push(`byte ${at}: ${code} ${check}`);
    }
  }
  return found;
}

describe('one changed byte of answer.json', () => {
  it('starts from answers that are good', async () => {
    await expect(verify(usual)).resolves.toMatchObject({ valid: true });
    await expect(verify(small)).resolves.toMatchObject({ valid: true });
  });

  it('is refused wherever it is, in a small answer', async () => {
    expect(await surprises(small, 1, 0x01)).toEqual([]);
  }, 300_000);

  it.each([0x02, 0x20, 0x80])('is refused in an answer with all members (mask %i)', async (mask) => {
    // 23 divides neither 3 nor 4: the samples meet every position of a base64url group.
    expect(await surprises(usual, 23, mask)).toEqual([]);
  });
});
