import type { Finding } from '../finding.js';
import { digitAt, isDate, passesLuhn, passesMod1110, passesVerhoeff, remainder, weightedSum } from './check-digits.js';
import { LETTERED_IDS } from './lettered-ids.js';
import { numberRuns, windowsOf } from './number-runs.js';

/** A number of persons in digits alone. */
interface NumberedId {
  /** ISO 3166. */
  readonly country: string;
  /** Lengths of its groups, as it is written. */
  readonly shapes: readonly (readonly number[])[];
  readonly isValid: (digits: string) => boolean;
  /** Whether it is none where further digits stand beside it: of three groups in a row of many, one in ten fits. */
  readonly isAlone?: true;
}

const two = (digits: string, place: number) => Number(digits.slice(place, place + 2));
const BELGIAN_BASE = 9;

/** Numbers whose digits are checked: by the rule that each country publishes for its own. */
export const NUMBERED_IDS: readonly NumberedId[] = [
  { country: 'DE', shapes: [[11], [2, 3, 3, 3]], isValid: isGerman },
  { country: 'FR', shapes: [[15], [13, 2], [1, 2, 2, 2, 3, 3, 2]], isValid: isFrench },
  { country: 'PL', shapes: [[11]], isValid: isPolish },
  { country: 'BE', shapes: [[11], [2, 2, 2, 3, 2]], isValid: isBelgian },
  { country: 'SE', shapes: [[10], [12], [6, 4], [8, 4]], isValid: isSwedish },
  { country: 'CH', shapes: [[13], [3, 4, 4, 2]], isValid: isSwiss },
  { country: 'BR', shapes: [[11], [3, 3, 3, 2]], isValid: isBrazilian },
  // Twelve digits in a row are too often something else.
  { country: 'IN', shapes: [[4, 4, 4]], isValid: isIndian, isAlone: true },
  // It has no check digit: only numbers in groups, as people write it, of areas that are given out.
  { country: 'US', shapes: [[3, 2, 4]], isValid: isAmerican },
];

/** Numbers that states give persons. {@link NUMBERED_IDS} and {@link LETTERED_IDS} say which. */
export function* findNationalIds(text: string): Generator<Finding> {
  for (const run of numberRuns(text))
    for (const { shapes, isValid, isAlone } of NUMBERED_IDS)
      for (const { digits, start, end, shape } of windowsOf(run, shapes)) {
        if (isAlone === true && shape.length < run.length) continue;
        // guard: pii-id-check without: if (digits !== '')
        if (isValid(digits)) yield { type: 'NATIONAL_ID', start, end };
      }
  for (const { pattern, isValid } of LETTERED_IDS)
    for (const { index: start, 0: id } of text.matchAll(pattern)) {
      // guard: pii-lettered-id-check without: if (id !== '')
      if (isValid(id.replaceAll(/[ -]/g, '').toUpperCase()))
        yield { type: 'NATIONAL_ID', start, end: start + id.length };
    }
}

/** Steuer-Identifikationsnummer: of the first ten digits one is there twice or three times, the others once. */
function isGerman(digits: string): boolean {
  const counts = new Map<string, number>();
  for (const digit of digits.slice(0, 10)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  const repeated = [...counts.values()].filter((count) => count > 1);
  return digitAt(digits, 0) > 0 && repeated.length === 1 && (repeated[0] ?? 0) < 4 && passesMod1110(digits);
}

/** Numéro d’inscription au répertoire: sex, year, month, place, and a key by 97. */
function isFrench(digits: string): boolean {
  const month = two(digits, 3);
  const isMonth = (month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50;
  return /^[1-478]/.test(digits) && isMonth && two(digits, 13) === 97 - remainder(digits.slice(0, 13), 97);
}

/** PESEL: the month says the century as well. */
function isPolish(digits: string): boolean {
  const sum = weightedSum(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
  return isDate(two(digits, 2) % 20, two(digits, 4)) && sum % 10 === 0;
}

/** Rijksregisternummer: who was born from 2000 on has a 2 before it when it is divided. */
function isBelgian(digits: string): boolean {
  const base = digits.slice(0, BELGIAN_BASE);
  const month = two(digits, 2) % 20;
  const check = two(digits, BELGIAN_BASE);
  const fits = [base, `2${base}`].some((number) => check === 97 - remainder(number, 97));
  return month <= 12 && two(digits, 4) <= 31 && fits;
}

/** Personnummer; a coordination number has 60 added to its day. */
function isSwedish(digits: string): boolean {
  const short = digits.slice(-10);
  const isCentury = digits.length === 10 || /^(?:18|19|20)/.test(digits);
  return isCentury && isDate(two(short, 2), two(short, 4) % 60) && passesLuhn(short);
}

/** AHV number: Switzerland's prefix, and the check digit of an article number. */
function isSwiss(digits: string): boolean {
  const sum = weightedSum(digits, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]);
  return digits.startsWith('756') && sum % 10 === 0;
}

/** CPF: two check digits by 11. */
function isBrazilian(digits: string): boolean {
  const check = (length: number) => {
    const weights = Array.from({ length }, (_, place) => length + 1 - place);
    return ((weightedSum(digits, weights) * 10) % 11) % 10;
  };
  return !/^(\d)\1*$/.test(digits) && check(9) === digitAt(digits, 9) && check(10) === digitAt(digits, 10);
}

function isIndian(digits: string): boolean {
  return digitAt(digits, 0) > 1 && passesVerhoeff(digits);
}

function isAmerican(digits: string): boolean {
  const [area, group, serial] = [Number(digits.slice(0, 3)), two(digits, 3), Number(digits.slice(5))];
  return area > 0 && area !== 666 && area < 900 && group > 0 && serial > 0;
}
