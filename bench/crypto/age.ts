import { loadPeer } from './peers.js';
import { spoilBytes, type Variant } from './variant.js';

/** What is used of age-encryption (typage). */
interface Age {
  generateX25519Identity(): Promise<string>;
  identityToRecipient(identity: string): Promise<string>;
  readonly Encrypter: new () => {
    addRecipient(recipient: string): void;
    encrypt(file: Uint8Array): Promise<Uint8Array>;
  };
  readonly Decrypter: new () => {
    addIdentity(identity: string): void;
    decrypt(file: Uint8Array): Promise<Uint8Array>;
  };
}

/** To an X25519 key, with encrypter and decrypter made once; age signs nothing. */
export async function ageVariant(): Promise<Variant<Uint8Array>> {
  const age = await loadPeer<Age>('age-encryption');
  const identity = await age.generateX25519Identity();
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(await age.identityToRecipient(identity));
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(identity);
  return {
    seal: (payload) => encrypter.encrypt(payload),
    open: (file) => decrypter.decrypt(file),
    spoil: spoilBytes,
  };
}
