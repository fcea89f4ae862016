import * as z from 'zod/mini';
import type { Bytes } from './bytes.js';
import { encodeBase64url, utf8 } from './bytes.js';
import type { JweFormat, JwsHeader, ParsedJwe } from './compact.js';
import { parseJwe, sealAlgOf, sealedToShape, sealTo, split, verifyJws } from './compact.js';
import { CryptoError } from './errors.js';
import type { SealingKey } from './key-material.js';
import type { VerifyingKey } from './keys.js';
import { kidSchema, secondsSchema } from './keys.js';
import { checkShape } from './schema.js';
import type { Signer } from './signer.js';
import { strictParse } from './strict-parse.js';

/**
 * A file from one person to another with nothing but key files (docs/spec/letter.md): a compact JWE around a compact
 * JWS whose payload is the file and whose header says who wrote to whom, when, and what the file is called.
 */

/** Largest content of a letter, in bytes. */
export const LETTER_MAX_BYTES = 8 * 1024 * 1024;
const NAME_MAX_BYTES = 255;
/** The inner token is a third larger than the content, and has a header and a signature. */
const INNER_MAX_BYTES = Math.ceil((LETTER_MAX_BYTES * 4) / 3) + 4096;

const OUTER_TYP = 'bulla-letter+jwe';
const INNER_TYP = 'bulla-letter+jws';

const outerSchema = z.strictObject({ ...sealedToShape, typ: z.literal(OUTER_TYP), cty: z.literal(INNER_TYP) });
/** What of a letter is readable without a key: to which key it is sealed. */
export type LetterOutside = z.infer<typeof outerSchema>;
const OUTER: JweFormat<LetterOutside> = { typ: OUTER_TYP, header: outerSchema, maxBytes: INNER_MAX_BYTES };

/** Of the suites that are sealed to: RFC 9864's Ed25519 is not in every JOSE library yet. */
const LETTER_ALGS = ['PS256', 'ES256'] as const;

/** A name and no path: nothing that a reader would write elsewhere than it was told. */
const nameSchema = z.string().check(
  z.minLength(1),
  z.regex(/^[^/\\\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]+$/u),
  z.refine((name) => name !== '.' && name !== '..' && utf8(name).length <= NAME_MAX_BYTES),
);
const innerSchema = z.strictObject({
  alg: z.enum(LETTER_ALGS),
  typ: z.literal(INNER_TYP),
  /** The sender's key. */
  kid: kidSchema,
  /** The recipient's key: a letter that was passed on is not to whoever it was passed on to. */
  aud: kidSchema,
  iat: secondsSchema,
  name: z.optional(nameSchema),
});
/** What the sender signed beside the content. */
export type LetterInside = z.infer<typeof innerSchema>;

export interface Letter {
  readonly content: Bytes;
  /** When it was written, in seconds, by the sender's clock. */
  readonly at: number;
  /** What the file is called, if it is a file. */
  readonly name?: string | undefined;
}

/** Whether a text can be the name of a letter. */
export function isLetterName(name: string): boolean {
  return nameSchema.safeParse(name).success;
}

/**
 * Signs a letter and seals it.
 * @throws {CryptoError} key_invalid if the sender's key signs by an algorithm that letters do not have, or is the
 *   recipient's; token_malformed for a name that is none; payload_too_large
 */
export async function sealLetter({ content, at, name }: Letter, from: Signer, to: SealingKey): Promise<string> {
  if (content.length > LETTER_MAX_BYTES)
    throw new CryptoError('payload_too_large', `a letter has at most ${LETTER_MAX_BYTES} bytes`);
  const alg = letterAlgOf(from);
  if (from.kid === to.kid) throw new CryptoError('key_invalid', 'one key would sign and be sealed to');
  const inside: LetterInside = {
    alg,
    typ: INNER_TYP,
    kid: from.kid,
    aud: to.kid,
    iat: at,
    ...(name !== undefined && { name }),
  };
  checkShape(inside, innerSchema, 'letter');
  const signingInput = `${encodeBase64url(utf8(JSON.stringify(inside)))}.${encodeBase64url(content)}`;
  const inner = `${signingInput}.${encodeBase64url(await from.sign(utf8(signingInput)))}`;
  const outside: LetterOutside = { alg: sealAlgOf(to), enc: 'A256GCM', typ: OUTER_TYP, cty: INNER_TYP, kid: to.kid };
  return sealTo(OUTER, outside, utf8(inner), to);
}

/**
 * The algorithm by which a key signs letters.
 * @throws {CryptoError} key_invalid if letters do not have it
 */
export function letterAlgOf({ alg }: Pick<VerifyingKey, 'alg'>): LetterInside['alg'] {
  const found = LETTER_ALGS.find((one) => one === alg);
  if (found === undefined) throw new CryptoError('key_invalid', `letters are signed with ${LETTER_ALGS.join(' or ')}`);
  return found;
}

/**
 * Reads the outside of a letter.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseLetter(token: string): ParsedJwe<LetterOutside> {
  return parseJwe(token, OUTER);
}

/**
 * Reads and verifies the signed letter inside: signed by this sender, to this recipient.
 * @throws {CryptoError} token_malformed, payload_too_large, signature_invalid
 */
export async function verifyInnerLetter(inner: string, sender: VerifyingKey, recipientKid: string): Promise<Letter> {
  const [header, content = new Uint8Array(0)] = split(inner, 3, LETTER_MAX_BYTES);
  const read = strictParse(header ?? new Uint8Array(0), { maxBytes: 2048 });
  const inside = checkShape(read, innerSchema, 'letter');
  if (inside.aud !== recipientKid) throw new CryptoError('signature_invalid', 'the letter is to somebody else');
  await verifyJws({ token: inner, header: inside satisfies JwsHeader, claims: undefined }, sender, 'letter-signature');
  return { content, at: inside.iat, name: inside.name };
}
