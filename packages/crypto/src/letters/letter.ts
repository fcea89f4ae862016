import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import type { JweFormat, JwsHeader, ParsedJwe } from '../tokens/compact.js';
import { parseJwe, sealAlgOf, sealedToShape, sealTo, split, verifyJws } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import type { SealingKey } from '../keys/key-material.js';
import type { VerifyingKey } from '../keys/keys.js';
import { kidSchema, secondsSchema } from '../keys/keys.js';
import { checkShape } from '../encoding/schema.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import { strictParse } from '../encoding/strict-parse.js';
import { isVisibleName } from '../names/visible-name.js';

/**
 * A file from one person to another with nothing but key files (docs/spec/letter.md): a compact JWE around a compact
 * JWS whose payload is the file and whose header says who wrote to whom, when, and what the file is called.
 */

/** Largest content of a letter, in bytes. */
export const LETTER_MAX_BYTES = 8 * 1024 * 1024;
const NAME_MAX_BYTES = 255;

const outerSchema = z.strictObject({ ...sealedToShape, typ: z.string(), cty: z.string() });
/** What of a letter is readable without a key: to which key it is sealed. */
export type LetterOutside = z.infer<typeof outerSchema>;

/** Of the suites that are sealed to: RFC 9864's Ed25519 is not in every JOSE library yet. */
const LETTER_ALGS = ['PS256', 'ES256'] as const;

/** A name and no path: nothing that a reader would write elsewhere than it was told. */
const nameSchema = z.string().check(
  z.minLength(1),
  // guard: letter-name without: z.regex(/^[^\\]+$/u)
  z.regex(/^[^/\\]+$/u),
  z.refine(isVisibleName), // guard: letter-name-visible
  z.refine((name) => name !== '.' && name !== '..' && utf8(name).length <= NAME_MAX_BYTES),
);
const innerSchema = z.strictObject({
  alg: z.enum(LETTER_ALGS),
  typ: z.string(),
  /** The sender's key. */
  kid: kidSchema,
  /** The recipient's key: a letter that somebody passes on is not a letter to the next person. */
  aud: kidSchema,
  iat: secondsSchema,
  name: z.optional(nameSchema),
});
/** What the sender signed beside the content. */
export type LetterInside = z.infer<typeof innerSchema>;

/** What letters, and letters whose content comes as a stream, have in common. */
export interface LetterFormat {
  readonly outer: JweFormat<LetterOutside>;
  readonly inner: z.ZodMiniType<LetterInside>;
  readonly innerTyp: string;
  /** Largest payload of the inner token. */
  readonly maxBytes: number;
}

export function letterFormat(typ: string, maxBytes: number): LetterFormat {
  const [outerTyp, innerTyp] = [`${typ}+jwe`, `${typ}+jws`];
  const header = z.extend(outerSchema, { typ: z.literal(outerTyp), cty: z.literal(innerTyp) });
  return {
    // The inner token is a third larger than the content, and has a header and a signature.
    outer: { typ: outerTyp, header, maxBytes: Math.ceil((maxBytes * 4) / 3) + 4096 },
    inner: z.extend(innerSchema, { typ: z.literal(innerTyp) }),
    innerTyp,
    maxBytes,
  };
}

/** A file in one piece. */
export const LETTER = letterFormat('bulla-letter', LETTER_MAX_BYTES);

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
 *   recipient's; token_malformed for a wrong name; payload_too_large
 */
export async function sealLetter(letter: Letter, from: Signer, to: SealingKey): Promise<string> {
  requireSeconds(letter.at);
  if (letter.content.length > LETTER_MAX_BYTES)
    throw new CryptoError('payload_too_large', `a letter has at most ${LETTER_MAX_BYTES} bytes`);
  return (await sealAs(LETTER, letter, from, to)).token;
}

/** Signs and seals a letter of either format: what is sent, and what is signed inside. */
export async function sealAs(
  { outer, inner: schema, innerTyp }: LetterFormat,
  { content, at, name }: Letter,
  from: Signer,
  to: SealingKey,
): Promise<{ token: string; inner: string }> {
  const alg = letterAlgOf(from);
  // guard: letter-two-keys
  if (from.kid === to.kid) throw new CryptoError('key_invalid', 'one key would sign and be sealed to');
  const inside: LetterInside = {
    alg,
    typ: innerTyp,
    kid: from.kid,
    aud: to.kid,
    iat: at,
    ...(name !== undefined && { name }),
  };
  checkShape(inside, schema, 'letter');
  const signingInput = `${encodeBase64url(utf8(JSON.stringify(inside)))}.${encodeBase64url(content)}`;
  const inner = `${signingInput}.${encodeBase64url(await from.sign(utf8(signingInput)))}`;
  const outside: LetterOutside = { alg: sealAlgOf(to), enc: 'A256GCM', typ: outer.typ, cty: innerTyp, kid: to.kid };
  return { token: await sealTo(outer, outside, utf8(inner), to), inner };
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
  return parseJwe(token, LETTER.outer);
}

/**
 * Reads and verifies the signed letter inside: signed by this sender, to this recipient.
 * @throws {CryptoError} token_malformed, payload_too_large, signature_invalid
 */
export async function verifyInnerLetter(
  { inner: schema, maxBytes }: LetterFormat,
  inner: string,
  sender: VerifyingKey,
  recipientKid: string,
): Promise<Letter> {
  const [header, content = new Uint8Array(0)] = split(inner, 3, maxBytes);
  const read = strictParse(header ?? new Uint8Array(0), { maxBytes: 2048 });
  const inside = checkShape(read, schema, 'letter');
  // guard: letter-aud
  if (inside.aud !== recipientKid) throw new CryptoError('signature_invalid', 'the letter is to somebody else');
  // guard: letter-signature
  await verifyJws({ token: inner, header: inside satisfies JwsHeader, claims: undefined }, sender, 'letter-signature');
  return { content, at: inside.iat, name: inside.name };
}
