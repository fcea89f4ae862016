import { isDate, remainder, weightedSum } from './check-digits.js';

/** A number of persons that has letters. */
interface LetteredId {
  /** ISO 3166. */
  readonly country: string;
  readonly pattern: RegExp;
  /** @param id in capitals, without spaces and hyphens. */
  readonly isValid: (id: string) => boolean;
}

const SPANISH_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';
const FINNISH_SIGNS = '0123456789ABCDEFHJKLMNPRSTUVWXY';
const CHINESE_SIGNS = '10X98765432';
const CHINESE_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/** What a character at an odd place of an Italian code counts, by its place in the alphabet; digits count as A to J. */
const ITALIAN_ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

const apart = (pattern: string) => new RegExp(`(?<![\\p{L}\\p{N}])(?:${pattern})(?![\\p{L}\\p{N}])`, 'gu');

export const LETTERED_IDS: readonly LetteredId[] = [
  { country: 'ES', pattern: apart('\\d{8}[ -]?[A-Za-z]|[XYZxyz][ -]?\\d{7}[ -]?[A-Za-z]'), isValid: isSpanish },
  {
    country: 'IT',
    pattern: apart('[A-Za-z]{6}[0-9L-Nl-nP-Vp-v]{2}[A-Za-z][0-9L-Nl-nP-Vp-v]{2}[A-Za-z][0-9L-Nl-nP-Vp-v]{3}[A-Za-z]'),
    isValid: isItalian,
  },
  { country: 'FI', pattern: apart('\\d{6}[-+A-FU-Y]\\d{3}[0-9A-FHJ-NPR-Y]'), isValid: isFinnish },
  { country: 'CN', pattern: apart('[1-8]\\d{16}[0-9Xx]'), isValid: isChinese },
];

/** DNI and NIE: a letter by 23. */
function isSpanish(id: string): boolean {
  const digits = id.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return SPANISH_LETTERS[remainder(digits, 23)] === id.at(-1);
}

/** Codice fiscale: a letter by 26 over all characters before it. */
function isItalian(id: string): boolean {
  let sum = 0;
  for (let place = 0; place < 15; place++) {
    const code = id.charCodeAt(place);
    const value = code < 65 ? code - 48 : code - 65;
    sum += place % 2 === 0 ? (ITALIAN_ODD[value] ?? 0) : value;
  }
  return id.charCodeAt(15) - 65 === sum % 26;
}

/** Henkilötunnus: a sign by 31 over date and number; a minus between them is gone by then. */
function isFinnish(id: string): boolean {
  const number = id.slice(-4, -1);
  const date = id.slice(0, 6);
  const sign = FINNISH_SIGNS[remainder(date + number, 31)];
  return isDate(Number(date.slice(2, 4)), Number(date.slice(0, 2))) && sign === id.at(-1);
}

/** Resident identity card: a date of birth, and ISO 7064 MOD 11-2. */
function isChinese(id: string): boolean {
  const sum = weightedSum(id, CHINESE_WEIGHTS);
  const isBorn = /^(?:19|20)/.test(id.slice(6)) && isDate(Number(id.slice(10, 12)), Number(id.slice(12, 14)));
  return isBorn && CHINESE_SIGNS[sum % 11] === id.at(-1);
}
