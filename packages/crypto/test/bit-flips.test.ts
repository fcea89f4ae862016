import { openGrantToken, openContentToken, openQuestionToken, verifyEnvelopeToken } from './reading.js';
import type { TrustDocuments } from '@bulla/crypto';
import { CryptoError, decodeBase64url, Secret, Trust, verifyStatement, verifyTags } from '@bulla/crypto';
import { parseLocked, readPublicKeys } from '@bulla/crypto/key-files';
import type { ExpectedGrant, KekContext, WrapContext } from '@bulla/crypto/open';
import { openKek, openKekWrap, openLocked } from '@bulla/crypto/open';
import { isLongRun, sampled } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { NAME } from './examples.js';
import { edgesOf, upTo } from './flips.js';
import type { TestOrganisation } from './organisation.js';
import { loadOrganisation, NOW } from './organisation.js';
import { readVectors } from './vectors.js';

/**
 * Every token of the golden files that is good is refused with any one of its bits flipped, the dots and the bits that
 * leave the alphabet among them. Frames, streams, notes, requests and answers have tests of their own beside them. A long
 * run tries every bit; others try the bits where a token has its structure, and so many of all bits.
 */
const SAMPLED_BITS = 400;

const load = <File>(name: string) => readVectors(`golden/${name}.json`) as File;
const valid = <Case>(name: string) =>
  load<{ cases: (Case & { name: string; result: string })[] }>(name).cases.filter(({ result }) => result === 'valid');
const secretOf = (hex: string) => new Secret(Uint8Array.from(Buffer.from(hex, 'hex')));

interface Flipping {
  readonly format: string;
  readonly name: string;
  readonly text: string;
  /** Every how many-th bit a long run flips: all, unless trying one takes a private key or a whole chain of documents. */
  readonly stride: number;
  readonly verify: (text: string) => Promise<unknown>;
}

let acme: TestOrganisation;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
});

const statements = valid<{ token: string; chash: string; expect: { sub: string; name: string; ver: number } }>(
  'statement',
).map(({ name, token, chash, expect: place }) => ({
  format: 'statement',
  name,
  text: token,
  stride: 1,
  verify: (text: string) => verifyStatement(text, { trust: acme.trust, now: NOW, chash, expect: place }),
}));

const contents = valid<{ token: string; key: string; place: { org: string; sub: string; ver: number } }>('content').map(
  ({ name, token, key, place }) => ({
    format: 'content',
    name,
    text: token,
    stride: 1,
    verify: (text: string) => openContentToken(text, secretOf(key), place),
  }),
);

const grants = valid<{ token: string; opener: string; expect: ExpectedGrant }>('grant').map(
  ({ name, token, opener, expect: place }) => ({
    format: 'grant',
    name,
    text: token,
    stride: 5,
    verify: async (text: string) => openGrantToken(text, await acme.unwrapper(opener), place),
  }),
);

const envelopes = valid<{ token: string; audience: string; graceSeconds: number }>('envelope').map(
  ({ name, token, audience, graceSeconds }) => ({
    format: 'envelope',
    name,
    text: token,
    stride: 1,
    verify: (text: string) => verifyEnvelopeToken(text, { trust: acme.trust, now: NOW, audience, graceSeconds }),
  }),
);

// Where a tag is passed over, so is what became of it: sets in which each counts.
const needed = valid<{ tokens: string[]; label: string }>('tag').filter(({ tokens }) => tokens.length <= 2);
const tags = needed.flatMap(({ name, tokens, label }) =>
  tokens.map((token, at) => ({
    format: 'tag',
    name: `${name}, ${at + 1} of ${tokens.length}`,
    text: token,
    stride: 1,
    verify: (text: string) => verifyTags(tokens.with(at, text), { trust: acme.trust, name: NAME, label, now: NOW }),
  })),
);

const questions = valid<{ sealed: string }>('invocation')
  .slice(0, 1)
  .map(({ name, sealed }) => ({
    format: 'question',
    name,
    text: sealed,
    stride: 11,
    verify: async (text: string) => openQuestionToken(text, await acme.unwrapper('eu1')),
  }));

const locked = valid<{ token: string; key: string }>('locked-key').map(({ name, token, key }) => ({
  format: 'locked key',
  name,
  text: token,
  stride: 1,
  verify: async (text: string) => openLocked(parseLocked(text), secretOf(key)),
}));

type Wrapped<Context> = Context & { token: string; under: string; kid: string };
const firstOf = <Input>(name: string) =>
  (readVectors(`${name}.json`) as { cases: { name: string; input: Input }[] }).cases.slice(0, 1);
const wraps = firstOf<Wrapped<WrapContext>>('kek-wrap').map(({ name, input: { token, under, kid, ...context } }) => ({
  format: 'wrapped content key',
  name,
  text: token,
  stride: 1,
  verify: (text: string) => openKekWrap(text, decodeBase64url(under), kid, context),
}));
const organisationKeys = firstOf<Wrapped<KekContext>>('kek').map(
  ({ name, input: { token, under, kid, ...context } }) => ({
    format: "organisation's key",
    name,
    text: token,
    stride: 1,
    verify: (text: string) => openKek(text, decodeBase64url(under), kid, context),
  }),
);

const publicKeys = valid<{ token: string }>('public-keys').map(({ name, token }) => ({
  format: 'statement of keys',
  name,
  text: token,
  stride: 3,
  verify: (text: string) => readPublicKeys(text),
}));

const { org, pin, now, documents } = load<{ org: string; pin: string; now: number; documents: TrustDocuments }>(
  'trust',
);
const establish = (changed: Partial<TrustDocuments>) =>
  Trust.establish({ ...documents, ...changed }, { org, pin, now });
const trustDocuments = [
  { name: 'root', text: documents.roots[0] ?? '', verify: (text: string) => establish({ roots: [text] }) },
  { name: 'policy', text: documents.policy, verify: (text: string) => establish({ policy: text }) },
  { name: 'directory', text: documents.directory, verify: (text: string) => establish({ directory: text }) },
].map((one) => ({ format: 'document', stride: 11, ...one }));

const all: Flipping[] = [
  ...statements,
  ...contents,
  ...grants,
  ...envelopes,
  ...tags,
  ...questions,
  ...locked,
  ...wraps,
  ...organisationKeys,
  ...publicKeys,
  ...trustDocuments,
];

/** The text with one bit of one of its ASCII characters flipped. */
function flipped(text: string, bit: number): string {
  const at = bit >> 3;
  return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << (bit & 7))) + text.slice(at + 1);
}

/** The bits of a text that this run flips. */
function bitsOf(text: string, stride: number): number[] {
  const edges = edgesOf(text).flatMap((at) => upTo(8).map((bit) => at * 8 + bit));
  const others = isLongRun() ? upTo(text.length * 8, stride) : sampled(upTo(text.length * 8), SAMPLED_BITS);
  return [...new Set([...edges, ...others])];
}

describe('any one bit flipped', () => {
  it('is tried in every format', () => {
    expect(new Set(all.map(({ format }) => format)).size).toBe(11);
    // A stride that shared a factor with 8 would leave some bits of a character alone.
    expect(all.every(({ stride }) => stride % 2 === 1)).toBe(true);
  });

  it.each(all)(
    'of a $format is refused: $name',
    async ({ text, stride, verify }) => {
      await verify(text);
      const accepted: number[] = [];
      for (const bit of bitsOf(text, stride)) {
        const error: unknown = await verify(flipped(text, bit)).then(
          () => undefined,
          (refusal: unknown) => refusal,
        );
        if (!(error instanceof CryptoError)) accepted.push(bit);
      }
      expect(accepted).toEqual([]);
    },
    300_000,
  );
});
