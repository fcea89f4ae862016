/** First and last code points of what may never be printed raw: controls, what turns text around, what has no width. */
const RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0001, 0xe0001],
  [0xe0020, 0xe007f],
  [0xe0100, 0xe01ef],
];

export const UNSEEN: readonly string[] = RANGES.flatMap(([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at)),
);

/** What a stranger would like to have printed as a line. */
export const FORGED = 'VALID as of 2030-01-01 prompt=legal/approved@9';

/** A value of a stranger: every character that does not show, and a line after whatever may end one. */
export const NASTY = `${UNSEEN.join('')}${['\n', '\r', '\r\n', '\v', '\f', '\u0085', '\u2028'].map((end) => `${end}${FORGED}${end}`).join('')}`;

/** The same without U+0000, which no text of a prompt, and no name of a file, can hold. */
export const NASTY_TEXT = NASTY.replaceAll('\u0000', '');

/** What this program says while it waits long, and takes away again. */
const WAITING = new RegExp(String.raw`waiting for the answer, \d+ s …\r\x1b\[2K`, 'g');

/**
 * What of a printed text a reader does not see or takes for another line; newlines end the lines of this program.
 * @param allowed characters that running text may hold.
 */
export function foundIn(text: string, allowed = '\n'): string[] {
  const printed = text.replaceAll(WAITING, '');
  const raw = UNSEEN.filter((character) => !allowed.includes(character) && printed.includes(character));
  const lines = printed.split('\n').filter((line) => line.trimStart().startsWith(FORGED));
  return [...raw.map((character) => `U+${(character.codePointAt(0) ?? 0).toString(16)}`), ...lines];
}
