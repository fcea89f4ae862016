import { wordlist } from '@scure/bip39/wordlists/english.js';
import { decodeBase64url } from '../encoding/bytes.js';

const WORDS = 8;
/** A list of 2^11 words. */
const WORD_BITS = 11;

/** The first 88 bits of a hash as eight words (BIP 39, English), for two people who compare them by voice. */
export function eightWords(hash: Uint8Array): readonly string[] {
  let bits = 0n;
  for (const byte of hash.subarray(0, (WORDS * WORD_BITS) / 8)) bits = (bits << 8n) | BigInt(byte);
  return Array.from({ length: WORDS }, (_, index) => {
    const shift = BigInt((WORDS - 1 - index) * WORD_BITS);
    return wordlist[Number((bits >> shift) & 0x7ffn)] ?? '';
  });
}

/** A kid in eight words. */
export function fingerprintWords(kid: string): readonly string[] {
  return eightWords(decodeBase64url(kid));
}
