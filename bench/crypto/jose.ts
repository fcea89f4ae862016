import { makePeople, type Person } from './keys.js';
import { loadPeer } from './peers.js';
import { spoilToken, type Variant } from './variant.js';

type Key = object;
/** What is used of jose. */
interface Jose {
  importJWK(jwk: object, alg: string): Promise<Key>;
  readonly CompactSign: new (
    payload: Uint8Array,
  ) => {
    setProtectedHeader(header: object): { sign(key: Key): Promise<string> };
  };
  readonly CompactEncrypt: new (
    plaintext: Uint8Array,
  ) => {
    setProtectedHeader(header: object): { encrypt(key: Key): Promise<string> };
  };
  compactDecrypt(token: string, key: Key, options: object): Promise<{ plaintext: Uint8Array }>;
  compactVerify(token: Uint8Array, key: Key, options: object): Promise<{ payload: Uint8Array }>;
}

/** A compact JWE around a compact JWS, with CryptoKeys. */
export async function joseVariant(): Promise<Variant<string>> {
  const jose = await loadPeer<Jose>('jose');
  const { alice, bob, carol } = await makePeople();
  const keysOf = async ({ sig, enc }: Person) => ({
    signing: await jose.importJWK(sig.privateJwk, 'PS256'),
    verifying: await jose.importJWK(sig.publicJwk, 'PS256'),
    opening: await jose.importJWK(enc.privateJwk, 'RSA-OAEP-256'),
    sealing: await jose.importJWK(enc.publicJwk, 'RSA-OAEP-256'),
  });
  const [from, to, other] = [await keysOf(alice), await keysOf(bob), await keysOf(carol)];
  const seal = async (payload: Uint8Array, { signing }: typeof from) => {
    const signed = await new jose.CompactSign(payload).setProtectedHeader({ alg: 'PS256' }).sign(signing);
    return new jose.CompactEncrypt(new TextEncoder().encode(signed))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' })
      .encrypt(to.sealing);
  };
  return {
    seal: (payload) => seal(payload, from),
    async open(token) {
      const algorithms = { keyManagementAlgorithms: ['RSA-OAEP-256'], contentEncryptionAlgorithms: ['A256GCM'] };
      const { plaintext } = await jose.compactDecrypt(token, to.opening, algorithms);
      return (await jose.compactVerify(plaintext, from.verifying, { algorithms: ['PS256'] })).payload;
    },
    spoil: spoilToken,
    forge: (payload) => seal(payload, other),
  };
}
