import type {
  Attachment,
  AttachmentPlace,
  ContentPlace,
  GrantPlace,
  KeyPurpose,
  PrivateJwk,
  PublicJwk,
  Unwrapper,
} from '@bulla/crypto';
import {
  decodeBase64url,
  encodeBase64url,
  loadSigner,
  sealAttachment,
  sealContent,
  sealDeposit,
  sealGrant,
  sealingKeyOf,
  Secret,
  verifyingKeyOf,
  parseContent,
  parseDeposit,
  parseGrant,
} from '@bulla/crypto';
import { keyMaterialOf } from '@bulla/crypto/key-files';
import { sealLetter, sealStreamedLetter } from '@bulla/crypto/letters';
import type { ExpectedGrant } from '@bulla/crypto/open';
import {
  openAttachment,
  openContent,
  openDeposit,
  openGrant,
  openLetter,
  openStreamedLetter,
} from '@bulla/crypto/open';
import type { Format } from './format.js';
import { recordOf, unwrapperOf } from './library-keys.js';
import { gather, once } from './pieces.js';

/** The members of the vectors are those of the formats; README.md lists them. */
interface LetterFields {
  readonly content: string;
  readonly at: number;
  readonly name?: string;
}
interface GrantFields {
  readonly urn: string;
  readonly sub: string;
  readonly ver: number;
  readonly dek: string;
  readonly chash: string;
  readonly dkc: string;
}

/** docs/spec/letter.md */
export const letters = {
  async seal({ content, at, name, sender, recipient }: LetterFields & { sender: PrivateJwk; recipient: PublicJwk }) {
    const { alg } = verifyingKeyOf([await keyMaterialOf(sender, 'sig')]);
    const to = sealingKeyOf([await keyMaterialOf(recipient, 'enc')]);
    const letter = { content: decodeBase64url(content), at, name };
    return { token: await sealLetter(letter, await loadSigner(sender, alg), to) };
  },
  async open({ token, recipient, sender }: { token: string; recipient: PrivateJwk; sender: PublicJwk }) {
    const by = verifyingKeyOf([await keyMaterialOf(sender, 'sig')]);
    const { content, at, name } = await openLetter(token, await unwrapperOf(recipient), by);
    return { content: encodeBase64url(content), at, ...(name !== undefined && { name }) };
  },
} satisfies Format;

/** docs/spec/streamed-letter.md */
export const streamedLetters = {
  async seal({ content, at, name, sender, recipient }: LetterFields & { sender: PrivateJwk; recipient: PublicJwk }) {
    const { alg } = verifyingKeyOf([await keyMaterialOf(sender, 'sig')]);
    const to = sealingKeyOf([await keyMaterialOf(recipient, 'enc')]);
    const pieces = sealStreamedLetter(once(decodeBase64url(content)), { at, name }, await loadSigner(sender, alg), to);
    return { sealed: encodeBase64url(await gather(pieces)) };
  },
  async open({ sealed, recipient, sender }: { sealed: string; recipient: PrivateJwk; sender: PublicJwk }) {
    const by = verifyingKeyOf([await keyMaterialOf(sender, 'sig')]);
    const { content, at, name } = await openStreamedLetter(
      once(decodeBase64url(sealed)),
      await unwrapperOf(recipient),
      by,
    );
    return { content: encodeBase64url(await gather(content)), at, ...(name !== undefined && { name }) };
  },
} satisfies Format;

/** How a content key is sealed to somebody, and opened. */
interface WrappedKeys {
  readonly purpose: KeyPurpose;
  readonly seal: typeof sealGrant;
  readonly open: (token: string, unwrapper: Unwrapper, expect: ExpectedGrant) => Promise<Secret>;
}

const wrappedKeys = ({ purpose, seal, open }: WrappedKeys) =>
  ({
    async seal(input: GrantFields & { key: string; recipient: PublicJwk; protect_until: string }) {
      const record = await recordOf(input.recipient, purpose);
      const place = { ...placeOf(input), protectUntil: input.protect_until };
      return { token: await seal(new Secret(decodeBase64url(input.key)), place, { urn: input.urn, record }) };
    },
    async open({ token, recipient, ...input }: GrantFields & { token: string; recipient: PrivateJwk }) {
      const key = await open(token, await unwrapperOf(recipient), { ...placeOf(input), urn: input.urn });
      return { key: encodeBase64url(key.reveal()) };
    },
  }) satisfies Format;

/** docs/spec/grant.md */
export const grants = wrappedKeys({
  purpose: 'unwrap',
  seal: sealGrant,
  open: async (token, unwrapper, expect) => openGrant(parseGrant(token), unwrapper, expect),
});

/** docs/spec/grant.md#deposits */
export const deposits = wrappedKeys({
  purpose: 'deposit',
  seal: sealDeposit,
  open: async (token, unwrapper, expect) => openDeposit(parseDeposit(token), unwrapper, expect),
});

/** docs/spec/content.md */
export const contents = {
  async seal({ statement, ...place }: ContentPlace & { statement: string }) {
    const { content, dek } = await sealContent(statement, place);
    return { token: content, key: encodeBase64url(dek.reveal()) };
  },
  async open({ token, key, ...place }: ContentPlace & { token: string; key: string }) {
    return { statement: await openContent(parseContent(token), new Secret(decodeBase64url(key)), place) };
  },
} satisfies Format;

/** docs/spec/attachment.md */
export const attachments = {
  async seal({ content, id, ...place }: AttachmentPlace & { content: string; id: string }) {
    const { sealed, entry } = sealAttachment(once(decodeBase64url(content)), id, place);
    return { sealed: encodeBase64url(await gather(sealed)), attachment: entry() };
  },
  async open({ sealed, attachment, ...place }: AttachmentPlace & { sealed: string; attachment: Attachment }) {
    const content = await gather(openAttachment(once(decodeBase64url(sealed)), attachment, place));
    return { content: encodeBase64url(content) };
  },
} satisfies Format;

function placeOf({ sub, ver, dek, chash, dkc }: GrantFields): Omit<GrantPlace, 'protectUntil'> {
  return { sub, ver, dekId: dek, chash, dkc };
}
