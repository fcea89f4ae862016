/** One spelling in which a text could lie in a file. */
export interface Needle {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Every spelling of a text that the leak test looks for: raw, hexadecimal, JSON-escaped, Latin-1, UTF-16 in both orders, and
 * base64 and base64url at each of the three offsets at which the text may stand in what was encoded.
 * @param text at least 12 bytes, so that what is left between the edges of a base64 block is long enough to be no accident.
 */
export function needlesOf(text: string): Needle[] {
  const raw = Buffer.from(text, 'utf8');
  if (raw.length < 12) throw new RangeError('a canary has at least 12 bytes');
  const hex = raw.toString('hex');
  const utf16 = Buffer.from(text, 'utf16le');
  const latin1 = Buffer.from(text, 'latin1');
  const needles: Needle[] = [
    { name: 'raw', bytes: raw },
    { name: 'hex', bytes: Buffer.from(hex) },
    { name: 'HEX', bytes: Buffer.from(hex.toUpperCase()) },
    { name: 'json', bytes: Buffer.from(JSON.stringify(text).slice(1, -1)) },
    { name: 'json-ascii', bytes: Buffer.from(escapeAscii(text)) },
    // As V8 keeps a string whose characters all fit.
    ...(latin1.toString('latin1') === text ? [{ name: 'latin-1', bytes: latin1 }] : []),
    { name: 'utf-16le', bytes: utf16 },
    { name: 'utf-16be', bytes: Buffer.from(utf16).swap16() },
  ];
  for (const offset of [0, 1, 2]) {
    const inner = innerBase64(raw, offset);
    needles.push({ name: `base64 at ${offset}`, bytes: Buffer.from(inner) });
    needles.push({
      name: `base64url at ${offset}`,
      bytes: Buffer.from(inner.replaceAll('+', '-').replaceAll('/', '_')),
    });
  }
  // A plain ASCII text is the same in JSON as raw: each spelling is looked for once.
  return needles.filter(({ bytes }, index) => needles.findIndex((other) => other.bytes.equals(bytes)) === index);
}

/** The characters that depend on the text alone, whatever stands before and after it. */
function innerBase64(raw: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), raw])
    .toString('base64')
    .replace(/=+$/, '');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + raw.length) * 8) / 6);
  return encoded.slice(first, last);
}

/** As a JSON writer does that keeps to ASCII: every other UTF-16 unit as `\\u` and four digits. */
function escapeAscii(text: string): string {
  const unit = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/[^ -~]/g, unit);
}
