import { makePeople, type Person } from './keys.js';
import { loadPeer } from './peers.js';
import { spoilToken, type Variant } from './variant.js';

type Key = object;
interface Making {
  update(bytes: Buffer): { final(): Promise<string> };
}
/** What is used of node-jose. */
interface NodeJose {
  readonly default: {
    readonly JWK: { asKey(jwk: object): Promise<Key> };
    readonly JWS: {
      createSign(options: object, key: Key): Making;
      createVerify(key: Key): { verify(token: string): Promise<{ payload: Buffer }> };
    };
    readonly JWE: {
      createEncrypt(options: object, key: Key): Making;
      createDecrypt(key: Key): { decrypt(token: string): Promise<{ plaintext: Buffer }> };
    };
  };
}

/** A compact JWE around a compact JWS. */
export async function nodeJoseVariant(): Promise<Variant<string>> {
  const { JWK, JWS, JWE } = (await loadPeer<NodeJose>('node-jose')).default;
  const { alice, bob, carol } = await makePeople();
  const keysOf = async ({ sig, enc }: Person) => ({
    sig: await JWK.asKey({ ...sig.privateJwk, use: 'sig' }),
    enc: await JWK.asKey({ ...enc.privateJwk, use: 'enc' }),
  });
  const [from, to, other] = [await keysOf(alice), await keysOf(bob), await keysOf(carol)];
  const seal = async (payload: Uint8Array, { sig }: typeof from) => {
    const signing = JWS.createSign({ format: 'compact', fields: { alg: 'PS256' } }, sig);
    const signed = await signing.update(Buffer.from(payload)).final();
    const options = { format: 'compact', contentAlg: 'A256GCM', fields: { alg: 'RSA-OAEP-256', cty: 'JWT' } };
    return JWE.createEncrypt(options, to.enc).update(Buffer.from(signed)).final();
  };
  return {
    seal: (payload) => seal(payload, from),
    async open(token) {
      const { plaintext } = await JWE.createDecrypt(to.enc).decrypt(token);
      return (await JWS.createVerify(from.sig).verify(plaintext.toString('latin1'))).payload;
    },
    spoil: spoilToken,
    forge: (payload) => seal(payload, other),
  };
}
