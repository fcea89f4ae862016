import type { Finding } from '../finding.js';

const V4 = /(?<![\p{L}\p{N}.:-])\d{1,3}(?:\.\d{1,3}){3}(?![\p{L}\p{N}-]|\.\d)/gu;
const V6 = /(?<![\p{L}\p{N}:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,34}(?![\p{L}\p{N}:]|\.\d)/gu;
/** Fewest groups that are written out: `2001::1` may be a name in a program. */
const V6_GROUPS_MIN = 3;
/** Who names a version writes numbers in the same way. */
const VERSION = /(?:\b(?:version|release|build|rev)[ :=]{1,2}|\bv\.? ?)$/i;

/** Addresses of the public internet: those of a house network or of this machine name nobody. */
export function* findIpAddresses(text: string): Generator<Finding> {
  for (const { index: start, 0: address } of text.matchAll(V4)) {
    if (isPublicV4(address) && !VERSION.test(text.slice(Math.max(0, start - 12), start)))
      yield { type: 'IP_ADDRESS', start, end: start + address.length };
  }
  for (const { index: start, 0: address } of text.matchAll(V6))
    if (isV6(address)) yield { type: 'IP_ADDRESS', start, end: start + address.length };
}

function isPublicV4(address: string): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = address
    .split('.')
    .map((part) => (/^(?:0|[1-9]\d*)$/.test(part) ? Number(part) : 256));
  if (Math.max(a, b, c, d) > 255 || a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if ((a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254)) return false;
  return !(a === 100 && b >= 64 && b < 128);
}

function isV6(address: string): boolean {
  return (
    URL.canParse(`http://[${address}]/`) && address.split(':').filter((group) => group !== '').length >= V6_GROUPS_MIN
  );
}
