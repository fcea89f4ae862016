import { TAG, writeDer, writeInteger, writeOid } from '../packages/crypto/dist/key-files/der.js';

/** Encrypted PKCS#8 as keys are exported, with nothing in it; it opens under no passphrase. */
export function encryptedKey() {
  const sequence = (...parts) => writeDer(TAG.sequence, ...parts);
  const hmac = sequence(writeOid('2a864886f70d0209'), writeDer(TAG.nothing));
  const stretching = sequence(writeDer(TAG.octets, new Uint8Array(16)), writeInteger(600_000), hmac);
  const derivation = sequence(writeOid('2a864886f70d01050c'), stretching);
  const cipher = sequence(writeOid('60864801650304012a'), writeDer(TAG.octets, new Uint8Array(16)));
  const scheme = sequence(writeOid('2a864886f70d01050d'), sequence(derivation, cipher));
  return sequence(scheme, writeDer(TAG.octets, new Uint8Array(48)));
}
