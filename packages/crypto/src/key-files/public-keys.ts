import * as z from '#zod';
import { urnOfSchema } from '../tokens/claims.js';
import type { JwsFormat } from '../tokens/compact.js';
import { parseJws, signJws, verifyJws } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import { organisationUrn, parseUrn } from '../names/ids.js';
import type { KeyFile, KeyRecord } from '../keys/keys.js';
import { checkKeyRecord, isCheckpointKey, keyRecordSchema, privateJwkOf, secondsSchema } from '../keys/keys.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import { loadSigner } from '../keys/signer.js';
import { isSealAlg, publicJwkOf } from '../keys/suites.js';

/**
 * The public keys of an entity as its own signing key states them (docs/spec/public-keys.md). Nobody has to
 * believe it: a reader who knows the fingerprint of that one key from elsewhere knows that the others belong to it.
 */
const publicKeySchema = z.omit(keyRecordSchema, { nbf: true, use_until: true, end: true });
/** A key without the times that a directory gives it. */
export type PublicKey = z.infer<typeof publicKeySchema>;

const STATED_MAX = 8;
/** Of them such as sign: the newest of each purpose, and those that are renewed. */
const SIGNING_MAX = 4;

const claimsSchema = z.strictObject({
  iss: urnOfSchema('dev', 'svc:vault', 'svc:responder', 'svc:gateway'),
  /** The organisation. */
  aud: urnOfSchema('organisation'),
  iat: secondsSchema,
  purpose: z.literal('keys.public'),
  keys: z.array(publicKeySchema).check(z.minLength(1), z.maxLength(STATED_MAX)),
});
type Claims = z.infer<typeof claimsSchema>;

const FORMAT: JwsFormat<Claims> = { typ: 'bulla-keys+jwt', claims: claimsSchema, maxBytes: 16_384 };

/** What such a statement says. */
export interface PublicKeys {
  readonly org: string;
  /** Whose keys they are. */
  readonly urn: string;
  /** The key that signed: what a fingerprint is compared with. */
  readonly kid: string;
  readonly keys: readonly PublicKey[];
}

/**
 * States the signing keys of a key file, its encryption keys, the newest of each purpose first, and its newest key for
 * checkpoints, where it has them. The oldest are left out where there are too many.
 * @param now seconds
 * @param inToken signs for the newest signing key, where that is in a token
 * @throws {CryptoError} key_invalid if the file has no signing key
 */
export async function signPublicKeys({ org, urn, keys }: KeyFile, now: number, inToken?: Signer): Promise<string> {
  requireSeconds(now);
  const signing = newestFirst(keys.filter((key) => key.use === 'sig' && !isCheckpointKey(key))).slice(0, SIGNING_MAX);
  const [sig] = signing;
  if (sig === undefined || isSealAlg(sig.alg)) throw new CryptoError('key_invalid', 'there is no signing key');
  const checkpoint = keys.filter(isCheckpointKey).slice(0, 1);
  const enc = keys.filter(({ use }) => use === 'enc').slice(0, STATED_MAX - signing.length - checkpoint.length);
  const stated = [...signing, ...enc, ...checkpoint];
  const claims: Claims = {
    iss: urn,
    aud: organisationUrn(org),
    iat: now,
    purpose: 'keys.public',
    keys: stated.map((key) => {
      const { kid, use, alg, suite, pur, jwk } = key;
      const log = 'log' in key && key.log !== undefined ? { log: key.log } : {};
      return { kid, use, alg, suite, pur, ...log, jwk: publicJwkOf(jwk) };
    }),
  };
  return signJws(FORMAT, claims, inToken ?? (await loadSigner(privateJwkOf(sig), sig.alg)));
}

/** The first of each purpose before all others, so that none of them is left out. */
function newestFirst(keys: KeyFile['keys']): KeyFile['keys'] {
  const newest = [...Map.groupBy(keys, ({ pur }) => pur.join(' ')).values()].flatMap(([first]) => first ?? []);
  return [...newest, ...keys.filter((key) => !newest.includes(key))];
}

/**
 * Reads such a statement: every key is one key of one suite, and one of them signed. Whether that one is to be believed
 * is for a fingerprint to say.
 * @throws {CryptoError} token_malformed, payload_too_large, key_invalid, signature_invalid
 */
export async function readPublicKeys(token: string): Promise<PublicKeys> {
  const parsed = parseJws(token, FORMAT);
  const { iss, aud, keys } = parsed.claims;
  const { org } = parseUrn(iss) ?? { org: '' };
  // guard: public-keys-organisation
  if (aud !== organisationUrn(org)) throw malformed('the keys are stated for another organisation');
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) throw malformed('a key stands twice');
  const records = keys.map((key): KeyRecord => ({ ...key, nbf: 0, use_until: 0, end: 0 }));
  await Promise.all(records.map(checkKeyRecord));
  const signer = records.find(({ kid }) => kid === parsed.header.kid);
  if (signer === undefined) throw malformed('the keys are signed by none of them');
  // guard: public-keys-checkpoint
  if (isCheckpointKey(signer)) throw malformed('a key that signs checkpoints states no keys');
  // guard: public-keys-signature
  await verifyJws(parsed, signer, 'public-keys-signature');
  return { org, urn: iss, kid: signer.kid, keys };
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
