import { openPlatform } from '#open-platform';
import { importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import type { Bytes } from '../../encoding/bytes.js';
import { randomBytes, utf8 } from '../../encoding/bytes.js';
import type { JweParts, ParsedJwe } from '../compact.js';
import { CryptoError } from '../../names/errors.js';
import { keyThumbprint } from '../../keys/keys.js';
import { Secret } from '../../encoding/secret.js';
import type { Unwrapper } from '../../keys/signer.js';
import type { EphemeralJwk } from '../../keys/suite-kind.js';
import type { PrivateJwk, SealAlg } from '../../keys/suites.js';
import { UNWRAPPING } from '../../keys/open/unwrapping.js';

/**
 * An unwrapper whose key lives in this process, where nothing but content keys gets out.
 * @throws {CryptoError} key_invalid
 */
export async function loadUnwrapper(jwk: PrivateJwk, alg: SealAlg): Promise<Unwrapper> {
  const kid = await keyThumbprint(jwk);
  const key = await importPrivate(jwk, alg);
  const unwrap = UNWRAPPING[alg];
  return {
    kid,
    alg,
    async unwrap(wrapped) {
      try {
        const cek = await unwrap(key, wrapped);
        // guard: open-cek-length without: return cek;
        if (cek.reveal().length === 32) return cek;
        await refuseAsPlatform();
      } catch {
        // The same refusal as for a wrong length, below.
      }
      throw openFailed();
    },
  };
}

async function importPrivate(jwk: PrivateJwk, alg: SealAlg): Promise<CryptoKey> {
  try {
    return (await importJWK(jwk as JWK, alg, { extractable: false })) as CryptoKey;
  } catch {
    throw new CryptoError('key_invalid', 'not a private key of this algorithm');
  }
}

/** What a token that was sealed to a key says about it. */
interface SealedToHeader {
  readonly alg: string;
  readonly kid: string;
  readonly epk?: EphemeralJwk | undefined;
}

/**
 * Opens a JWE that was sealed to the holder of `unwrapper`.
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export async function openWith(parsed: ParsedJwe<SealedToHeader>, unwrapper: Unwrapper): Promise<Bytes> {
  // guard: open-kid
  if (parsed.header.kid !== unwrapper.kid || parsed.header.alg !== unwrapper.alg) throw openFailed();
  let cek: Secret | undefined;
  try {
    cek = await unwrapper.unwrap({ encryptedKey: parsed.parts.encryptedKey, epk: parsed.header.epk });
  } catch {
    // The same refusal as for a bad tag, below.
  }
  // RFC 7516 §11.5: after a bad key all goes on with a random one, so that it and a bad tag take the same path and time.
  const used = cek ?? randomKey();
  try {
    return await openUnder(parsed, used);
  } catch (error) {
    if (cek !== undefined) await failLikeBadKey();
    throw error;
  } finally {
    used.wipe();
  }
}

function randomKey(): Secret {
  return new Secret(randomBytes(32));
}

/** What a bad key costs beside the key itself: a random one, and the platform's refusal and ours, made and caught once more. */
async function failLikeBadKey(): Promise<void> {
  randomKey().wipe();
  try {
    await refuseAsPlatform();
  } catch {
    await Promise.reject(openFailed()).catch(() => {});
  }
}

/** WebCrypto's refusal of a bad key: it takes longer than ours. */
async function refuseAsPlatform(): Promise<never> {
  throw new DOMException('The operation failed for an operation-specific reason', 'OperationError');
}

/**
 * Opens a JWE under its content key.
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export async function openUnder(parsed: ParsedJwe<{ alg: string }>, dek: Secret): Promise<Bytes> {
  return openGcm(dek, parsed.parts, utf8(parsed.parts.protected));
}

/**
 * A256GCM (RFC 7518 §5.3): 256-bit key, 96-bit IV, 128-bit tag; the platform alone would take other lengths too.
 * @throws {CryptoError} open_failed, whatever went wrong
 */
export async function openGcm(
  dek: Secret,
  { iv, ciphertext, tag }: Pick<JweParts, 'iv' | 'ciphertext' | 'tag'>,
  additionalData: Bytes,
): Promise<Bytes> {
  if (dek.reveal().length !== 32 || iv.length !== 12 || tag.length !== 16) throw openFailed();
  try {
    return await openPlatform.openGcm(dek.reveal(), { iv, ciphertext, tag }, additionalData);
  } catch {
    throw openFailed();
  }
}

/** The one error after a private or content key was used; it has no cause, on purpose. */
export function openFailed(): CryptoError {
  return new CryptoError('open_failed', 'could not be opened');
}
