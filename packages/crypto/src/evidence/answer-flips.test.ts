import { isLongRun, sampled } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange } from '../../test/answers.js';
import type { Cast } from '../../test/exchange.js';
import { edgesOf, upTo } from '../../test/flips.js';
import type { Bytes } from '../encoding/bytes.js';
import { utf8 } from '../encoding/bytes.js';
import { composeAnswer } from './evidence.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';
import type { Signer } from '../keys/signer.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from './verify-answer.js';
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

/** Beside every place where the file has its structure; a long run changes every byte. */
const SAMPLED_BYTES = 600;

interface Sample {
  readonly file: Bytes;
  readonly pin: string;
  readonly now: number;
}

/** An answer with all members, under documents with a signature more than they need. */
let usual: Sample;
/** An answer of three entities with short keys, so that every byte of it can be tried. */
let small: Sample;

beforeAll(async () => {
  const large = await makeOrganisation({ quorums: { directory: { keys: 3, threshold: 2 } } });
  usual = sampleOf(large, await answerOf(await castOfMembers(large), large.author, true));
  const tiny = await makeOrganisation();
  small = sampleOf(tiny, await smallAnswer(tiny));
});

function sampleOf({ pin, now }: TestOrganisation, answer: string): Sample {
  return { file: utf8(answer), pin, now: now + 60 };
}

async function answerOf(cast: Cast, tagger: TestOrganisation['author'], show: boolean): Promise<string> {
  const { parts, asked } = await exchange(cast, tagger, { contents: ['Hi.'] });
  return composeAnswer({ ...parts, ...(show && { invocation: asked.sealed.inner }) });
}

async function smallAnswer(organisation: TestOrganisation): Promise<string> {
  const cast = await castOfMembers(organisation);
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

function verify({ file, ...options }: Sample): Promise<Verdict> {
  return verifyAnswer(file, options);
}

/** Changes one byte at a time and collects what was accepted, or refused for another reason than it may be. */
async function surprises(sample: Sample, places: readonly number[], mask: number): Promise<string[]> {
  const found: string[] = [];
  for (const at of places) {
    const file = sample.file.slice();
    file[at] = (file[at] ?? 0) ^ mask;
    const { valid, failure } = await verify({ ...sample, file });
    if (valid || failure === undefined) found.push(`byte ${at} is idle`);
    else if (!CODES.has(failure.code) || failure.check === undefined)
      found.push(`byte ${at}: ${failure.code} ${failure.check}`);
  }
  return found;
}

describe('one changed byte of answer.json', () => {
  it('starts from answers that are good', async () => {
    await expect(verify(usual)).resolves.toMatchObject({ valid: true });
    await expect(verify(small)).resolves.toMatchObject({ valid: true });
  });

  it('is refused wherever it is, in a small answer', async () => {
    const all = upTo(small.file.length);
    const edges = edgesOf(new TextDecoder().decode(small.file));
    const places = isLongRun() ? all : [...new Set([...edges, ...sampled(all, SAMPLED_BYTES)])];
    expect(await surprises(small, places, 0x01)).toEqual([]);
  }, 300_000);

  it.each([0x02, 0x20, 0x80])('is refused in an answer with all members (mask %i)', async (mask) => {
    // 41 divides neither 3 nor 4: the samples meet every position of a base64url group.
    expect(await surprises(usual, upTo(usual.file.length, 41), mask)).toEqual([]);
  });
});
