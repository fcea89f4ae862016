import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import type { Bytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';

/** Text armour of keys (RFC 7468): what stands around and between the blocks is for people and is not read. */

export interface PemBlock {
  /** Such as `PRIVATE KEY`. */
  readonly label: string;
  readonly bytes: Bytes;
}

const BLOCK = /^-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*$([^-]*)^-----END \1-----[ \t]*$/gm;
const BEGIN = /^-----BEGIN /gm;
const LINE_CHARACTERS = 64;

/**
 * The blocks of a text, in their order.
 * @throws {CryptoError} key_invalid for a block that does not end, or holds anything but base64
 */
export function parsePem(text: string): PemBlock[] {
  const unix = text.replaceAll('\r\n', '\n');
  const blocks = [...unix.matchAll(BLOCK)].map(([, label = '', body = '']) => ({ label, bytes: decode(body) }));
  if (blocks.length !== (unix.match(BEGIN) ?? []).length) throw invalid('one of its PEM blocks is not whole');
  return blocks;
}

/** One block, lines of 64 characters. */
export function formatPem({ label, bytes }: PemBlock): string {
  const lines = encodeBase64(bytes).match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function decode(body: string): Bytes {
  // What older tools write inside a block (RFC 1421), such as Proc-Type, is not base64 and ends here.
  try {
    return decodeBase64(body.replace(/[ \t\n]/g, ''));
  } catch {
    throw invalid('one of its PEM blocks is not base64');
  }
}

function invalid(why: string): CryptoError {
  return new CryptoError('key_invalid', `not a valid key: ${why}`);
}
