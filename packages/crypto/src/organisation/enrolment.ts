import { HASH_PATTERN, PIN_PATTERN } from '../names/patterns.js';
import * as z from '#zod';
import {
  decodeBase64url,
  digestB64u,
  encodeBase64url,
  encodeHex,
  equalBytes,
  randomBytes,
  sha256,
  utf8,
} from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { idPattern } from '../names/patterns.js';
import type { KeyRecord } from '../keys/keys.js';
import { keyThumbprint, kidSchema, publicKeyOf, suiteOfKey } from '../keys/keys.js';
import { orgSchema } from './root.js';
import { checkShape } from '../encoding/schema.js';
import { strictParse } from '../encoding/strict-parse.js';
import { publicJwkSchema } from '../keys/suites.js';
import { eightWords } from '../keys/words.js';

/**
 * How a device proves to its inviter that the keys which arrive are its own (protocol.md §4,
 * docs/spec/enrolment.md). The vault carries all of it and can forge none: it never has the secret.
 */

const CODE_PREFIX = 'bulla1_';
const CODE_MAX_CHARACTERS = 2_048;
const SECRET_BYTES = 32;

const invitationCodeSchema = z.strictObject({
  url: z.string().check(
    z.maxLength(512),
    z.regex(/^https?:\/\/[A-Za-z0-9.\-[\]:]+(?:\/[A-Za-z0-9._~-]+)*\/?$/),
    // Brackets and ports have rules that a pattern does not say.
    z.refine((url) => URL.canParse(url)),
  ),
  org: orgSchema,
  pin: z.string().check(z.regex(PIN_PATTERN)),
  id: z.string().check(z.regex(idPattern('ivt'))),
  secret: z.string().check(z.regex(HASH_PATTERN)),
});

/** Everything a new device needs to find its organisation and to be believed by it. Give it to one person, in private. */
export type InvitationCode = z.infer<typeof invitationCodeSchema>;

/** Which keys ask to come in, and by which invitation. */
export interface EnrolmentKeys {
  readonly org: string;
  /** Id of the invitation. */
  readonly invitation: string;
  readonly sigKid: string;
  readonly encKid: string;
}

/** A fresh secret for an invitation: 32 random bytes in base64url. */
export function newInvitationSecret(): string {
  return encodeBase64url(randomBytes(SECRET_BYTES));
}

/** The code as it is handed over: `bulla1_` and base64url of its JSON. */
export function encodeInvitationCode(code: InvitationCode): string {
  const { url, org, pin, id, secret } = code;
  return `${CODE_PREFIX}${encodeBase64url(utf8(JSON.stringify({ url, org, pin, id, secret })))}`;
}

/** Reads a code. The error repeats nothing of it. @throws {CryptoError} token_malformed */
export function parseInvitationCode(text: string): InvitationCode {
  const code = text.trim();
  if (!code.startsWith(CODE_PREFIX) || code.length > CODE_MAX_CHARACTERS) throw malformed();
  try {
    const bytes = decodeBase64url(code.slice(CODE_PREFIX.length));
    return z.parse(invitationCodeSchema, strictParse(bytes, { maxBytes: CODE_MAX_CHARACTERS }));
  } catch {
    throw malformed();
  }
}

/** What a device shows to take its invitation; who knows only the id cannot. */
export function enrolmentTicket(secret: string): Promise<string> {
  return digestB64u(utf8(`bulla1 ticket|${secret}`));
}

/** What the vault is given to recognise the ticket by. */
export function ticketHash(ticket: string): Promise<string> {
  return digestB64u(utf8(ticket));
}

/**
 * Binds both keys of a device to the secret of its invitation: HMAC-SHA-256 in base64url.
 * @throws {CryptoError} token_malformed if one of the keys is no thumbprint
 */
export async function enrolmentMac(secret: string, keys: EnrolmentKeys): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.sign('HMAC', await macKey(secret), macInput(keys))));
}

/**
 * Whether a mac was made with this secret over exactly these keys; compared by the platform, in constant time.
 * A text that is not base64url is not a mac.
 * @throws {CryptoError} token_malformed if one of the keys is no thumbprint
 */
export async function isEnrolmentMac(mac: string, secret: string, keys: EnrolmentKeys): Promise<boolean> {
  const input = macInput(keys);
  const given = decodeMac(mac);
  return given !== undefined && crypto.subtle.verify('HMAC', await macKey(secret), given, input);
}

/**
 * The same keys in eight words, 88 bits: for two people who compare them by voice where the approver has no secret. Who
 * makes both finds two pairs with the same words in 2^44 tries (docs/spec/enrolment.md#security).
 * @throws {CryptoError} token_malformed if one of them is no thumbprint
 */
export async function enrolmentWords(keys: Pick<EnrolmentKeys, 'sigKid' | 'encKid'>): Promise<readonly string[]> {
  return eightWords(await keysDigest(keys));
}

/** Whether somebody typed the eight words of these keys; case and spacing do not matter. */
export async function areEnrolmentWords(
  typed: string,
  keys: Pick<EnrolmentKeys, 'sigKid' | 'encKid'>,
): Promise<boolean> {
  const given = typed.toLowerCase().trim().split(/\s+/).join(' ');
  return equalBytes(utf8(given), utf8((await enrolmentWords(keys)).join(' ')));
}

/** The same keys in hexadecimal: the first 16 bytes of their digest, in groups of four digits. */
export async function enrolmentFingerprint(keys: Pick<EnrolmentKeys, 'sigKid' | 'encKid'>): Promise<string> {
  const hex = encodeHex((await keysDigest(keys)).subarray(0, 16));
  return (hex.match(/.{4}/g) ?? []).join(':');
}

/** A key that a device brings: what a directory will list of it, but for purposes and times. */
export type DeviceKey = Pick<KeyRecord, 'kid' | 'use' | 'alg' | 'suite' | 'jwk'>;

/**
 * Checks a key that a device brings; its suite follows from its algorithm, type and size, and is one that seals, since
 * a device is sealed to. Whether the organisation allows the suite, its policy says.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export async function deviceKeyOf(
  own: { readonly jwk: unknown; readonly alg: string },
  use: 'sig' | 'enc',
): Promise<DeviceKey> {
  const { key, seals } = await ownKeyOf(own, use);
  if (!seals) throw new CryptoError('key_invalid', `devices have no keys of suite ${key.suite}`);
  return key;
}

/**
 * Checks one of the two keys that a renewer brings: both sign, and nothing is sealed to it, so every suite will do.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export async function renewerKeyOf(own: { readonly jwk: unknown; readonly alg: string }): Promise<DeviceKey> {
  return (await ownKeyOf(own, 'sig')).key;
}

/** A good public key, and whether its suite seals. */
async function ownKeyOf(
  own: { readonly jwk: unknown; readonly alg: string },
  use: 'sig' | 'enc',
): Promise<{ readonly key: DeviceKey; readonly seals: boolean }> {
  const jwk = checkShape(own.jwk, publicJwkSchema, 'public key');
  const { id: suite, sign, seal } = suiteOfKey(jwk, use, own.alg);
  const alg = use === 'sig' ? sign : (seal ?? sign);
  const key = { kid: await keyThumbprint(jwk), use, alg, suite, jwk };
  await publicKeyOf(key);
  return { key, seals: seal !== undefined };
}

function keysDigest(keys: Pick<EnrolmentKeys, 'sigKid' | 'encKid'>): Promise<Uint8Array<ArrayBuffer>> {
  return sha256(utf8(`bulla1 keys|${thumbprints(keys)}`));
}

/** The bytes of a mac as somebody sent it, who may have sent anything. */
function decodeMac(mac: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return decodeBase64url(mac);
  } catch {
    return undefined;
  }
}

function macInput(keys: EnrolmentKeys): Uint8Array<ArrayBuffer> {
  return utf8(`bulla1 enrol|${keys.org}|${keys.invitation}|${thumbprints(keys)}`);
}

/** Both keys as they are hashed; of one length each, so that no other pair reads the same. */
function thumbprints({ sigKid, encKid }: Pick<EnrolmentKeys, 'sigKid' | 'encKid'>): string {
  for (const kid of [sigKid, encKid]) {
    if (!z.safeParse(kidSchema, kid).success) throw new CryptoError('token_malformed', 'not the thumbprint of a key');
  }
  return `${sigKid}|${encKid}`;
}

function macKey(secret: string): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return crypto.subtle.importKey('raw', utf8(secret), algorithm, false, ['sign', 'verify']);
}

function malformed(): CryptoError {
  return new CryptoError('token_malformed', 'not an invitation code of Bulla');
}
