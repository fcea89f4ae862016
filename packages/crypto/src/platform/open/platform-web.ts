import { concatBytes } from '../../encoding/bytes.js';
import type { OpenPlatform } from './platform.js';

/** WebCrypto, in browsers and wherever else it is. */
export const openPlatform: OpenPlatform = {
  async openGcm(keyBytes, { iv, ciphertext, tag }, additionalData) {
    const key = await crypto.subtle.importKey('raw', keyBytes, 'AES-GCM', false, ['decrypt']);
    const parameters = { name: 'AES-GCM', iv, additionalData, tagLength: 128 };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, concatBytes(ciphertext, tag)));
  },
};
