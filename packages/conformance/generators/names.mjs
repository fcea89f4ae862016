/** How hashes are read out, from docs/spec/key-files.md and the list of BIP 39. */
import { wordlist } from '@scure/bip39/wordlists/english.js';

/** The first 128 bits of a hash in hexadecimal, and the first 88 in eight words. */
export function namesOf(hash) {
  const bits = [...hash.subarray(0, 11)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const words = bits.match(/.{11}/g).map((eleven) => wordlist[Number.parseInt(eleven, 2)]);
  return { hex: hash.toString('hex', 0, 16).match(/.{4}/g).join(':'), words: words.join(' ') };
}
