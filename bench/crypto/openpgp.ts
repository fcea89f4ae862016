import { loadPeer } from './peers.js';
import { spoilBytes, type Variant } from './variant.js';

type Key = object;
type Message = object;
interface Pair {
  readonly privateKey: Key;
  readonly publicKey: Key;
}
export type OpenPgpKind = { readonly type: 'rsa'; readonly rsaBits: 2048 } | { readonly type: 'curve25519' };
/** What is used of openpgp. */
interface OpenPgp {
  generateKey(options: OpenPgpKind & { userIDs: { name: string }[]; format: 'object' }): Promise<Pair>;
  createMessage(options: { binary: Uint8Array }): Promise<Message>;
  readMessage(options: { binaryMessage: Uint8Array }): Promise<Message>;
  encrypt(options: { message: Message; encryptionKeys: Key; signingKeys: Key; format: 'binary' }): Promise<Uint8Array>;
  decrypt(options: {
    message: Message;
    decryptionKeys: Key;
    verificationKeys: Key;
    expectSigned: true;
    format: 'binary';
  }): Promise<{ data: Uint8Array }>;
}

/** Signed and encrypted in one, as it comes. */
export async function openPgpVariant(kind: OpenPgpKind): Promise<Variant<Uint8Array>> {
  const openpgp = await loadPeer<OpenPgp>('openpgp');
  const pairOf = (name: string) => openpgp.generateKey({ ...kind, userIDs: [{ name }], format: 'object' });
  const [from, to, other] = [await pairOf('alice'), await pairOf('bob'), await pairOf('carol')];
  const seal = async (binary: Uint8Array, { privateKey }: Pair) =>
    openpgp.encrypt({
      message: await openpgp.createMessage({ binary }),
      encryptionKeys: to.publicKey,
      signingKeys: privateKey,
      format: 'binary',
    });
  return {
    seal: (payload) => seal(payload, from),
    async open(binaryMessage) {
      const { data } = await openpgp.decrypt({
        message: await openpgp.readMessage({ binaryMessage }),
        decryptionKeys: to.privateKey,
        verificationKeys: from.publicKey,
        expectSigned: true,
        format: 'binary',
      });
      return data;
    },
    spoil: spoilBytes,
    forge: (payload) => seal(payload, other),
  };
}
