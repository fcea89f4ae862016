import { decodeBase64url, encodeHex } from '../encoding/bytes.js';

/** A kid for human eyes: the first 16 bytes in hexadecimal, in groups of four digits. */
export function fingerprint(kid: string): string {
  const groups = encodeHex(decodeBase64url(kid)).slice(0, 32).match(/.{4}/g);
  return (groups ?? []).join(':');
}
