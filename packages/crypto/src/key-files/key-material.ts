import { keyThumbprint } from '../keys/keys.js';
import type { KeyMaterial } from '../keys/key-material.js';
import { invalidKey } from '../keys/suite-kind.js';
import { modulusBitsOf } from '../keys/suite-rsa.js';
import type { PrivateJwk, PublicJwk, Suite } from '../keys/suites.js';
import { ALL_SUITES, checkPublicJwk, publicJwkOf, suite } from '../keys/suites.js';

/**
 * Checks a key and tells its suite.
 * @throws {CryptoError} key_invalid, saying what is wrong with it
 */
export async function keyMaterialOf(jwk: PublicJwk | PrivateJwk, use?: KeyMaterial['use']): Promise<KeyMaterial> {
  const publicJwk = 'd' in jwk ? publicJwkOf(jwk) : jwk;
  const { id } = suiteOf(publicJwk);
  checkPublicJwk(publicJwk, id);
  const material = { kid: await keyThumbprint(publicJwk), suite: id, use, publicJwk };
  if (!('d' in jwk)) return material;
  await requirePair(jwk, publicJwk, suite(id));
  return { ...material, privateJwk: jwk };
}

function suiteOf(jwk: PublicJwk): Suite {
  const suites = ALL_SUITES.filter(({ keys }) => keys.kty === jwk.kty);
  if (jwk.kty !== 'RSA') return suites[0] ?? suite(jwk.kty);
  const bits = modulusBitsOf(jwk);
  const found = suites.find(({ modulusBits }) => modulusBits === bits);
  if (found !== undefined) return found;
  const lengths = suites.map(({ modulusBits }) => modulusBits).join(' or ');
  throw invalidKey(
    `an RSA key of ${bits} bits is ${bits < 2048 ? 'too weak' : 'of no suite'}: it has to have ${lengths}`,
  );
}

/** Platforms do not see whether the halves of an RSA key belong together. */
async function requirePair(privateJwk: PrivateJwk, publicJwk: PublicJwk, { keys }: Suite): Promise<void> {
  const { key, operation } = keys.signing;
  const probe = new Uint8Array(32);
  try {
    const signing = await crypto.subtle.importKey('jwk', privateJwk, key, false, ['sign']);
    const verifying = await crypto.subtle.importKey('jwk', publicJwk, key, false, ['verify']);
    const signature = await crypto.subtle.sign(operation, signing, probe);
    // guard: key-file-pair without: return;
    if (await crypto.subtle.verify(operation, verifying, signature, probe)) return;
  } catch {
    // The same refusal as for halves of two keys, below.
  }
  throw invalidKey('its private half is not the one of its public half');
}
