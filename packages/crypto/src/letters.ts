export type { Letter, LetterInside, LetterOutside } from './letters/letter.js';
export { isLetterName, LETTER_MAX_BYTES, parseLetter, sealLetter } from './letters/letter.js';
export { sealStreamedLetter } from './letters/streamed-letter.js';
