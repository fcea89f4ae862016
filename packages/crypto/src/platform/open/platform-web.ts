import type { OpenPlatform } from './platform.js';

/** WebCrypto, in browsers and wherever else it is. */
export const openPlatform: OpenPlatform = {
  async openGcm(keyBytes, { iv, ciphertext, tag }, additionalData) {
    const key = await crypto.subtle.importKey('raw', keyBytes, 'AES-GCM', false, ['decrypt']);
    const parameters = { name: 'AES-GCM', iv, additionalData, tagLength: 128 };
    const sealed = new Uint8Array(ciphertext.length + tag.length);
    sealed.set(ciphertext);
    sealed.set(tag, ciphertext.length);
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, sealed));
  },
};
