import { encode } from 'uqr';

/** Modules around a code that stay light, without which readers do not find it (ISO/IEC 18004). */
const QUIET_ZONE = 4;
/** A character is two modules, one above the other; its foreground is light, as terminals are dark. */
const HALVES = { 'light light': '█', 'light dark': '▀', 'dark light': '▄', 'dark dark': ' ' } as const;

/** A QR code of a text as lines of a terminal. One with a light background shows it inverted, which readers take too. */
export function qrCode(text: string): string[] {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_ZONE });
  const shade = (row: number, column: number) => (data[row]?.[column] === true ? 'dark' : 'light');
  const lines: string[] = [];
  for (let row = 0; row < size; row += 2) {
    const characters = Array.from({ length: size }, (_, column) => {
      return HALVES[`${shade(row, column)} ${shade(row + 1, column)}`];
    });
    lines.push(characters.join(''));
  }
  return lines;
}
