import { createDecipheriv, createSecretKey } from 'node:crypto';
import type { OpenPlatform } from './platform.js';

const TAG_BYTES = 16;

/** `node:crypto`, where it stands: handing AES to another thread takes longer than doing it. */
export const openPlatform: OpenPlatform = {
  async openGcm(keyBytes, { iv, ciphertext, tag }, additionalData) {
    const decipher = createDecipheriv('aes-256-gcm', createSecretKey(keyBytes), iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData).setAuthTag(tag);
    const plaintext = decipher.update(ciphertext);
    try {
      decipher.final();
    } catch (error) {
      // Nobody sees what was not authentic.
      plaintext.fill(0);
      throw error;
    }
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
  },
};
