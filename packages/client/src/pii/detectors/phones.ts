import type { CountryCode } from 'libphonenumber-js/min';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { Detector, Finding } from '../finding.js';

/** A number with its country's code: `+49 …`, `0049 …`. */
const INTERNATIONAL = /(?<![\p{L}\p{N}])(?:\+|00)[1-9](?:[ ()./\u00a0\u2011-]{0,2}\d){6,15}/gu;
const NATIONAL = /(?<![\p{L}\p{N}+.])\(?\d(?:[ ()./\u00a0\u2011-]{0,2}\d){5,14}(?![\p{L}\p{N}])/gu;
/** How often a candidate is shortened by its last group: what follows a number may look like a part of it. */
const SHORTER_MAX = 4;

/**
 * Phone numbers that the numbering plans of the world have: with a country's code, and those of one country without.
 * @param country ISO 3166, such as `DE`.
 */
export function phoneDetector(country: string | undefined): Detector {
  return function* (text) {
    yield* found(text, INTERNATIONAL, undefined);
    if (country !== undefined) yield* found(text, NATIONAL, country as CountryCode);
  };
}

function* found(text: string, pattern: RegExp, country: CountryCode | undefined): Generator<Finding> {
  for (const { index, 0: candidate } of text.matchAll(pattern)) {
    const length = numberLength(candidate, country);
    if (length > 0) yield { type: 'PHONE', start: index, end: index + length };
  }
}

/** How much of a candidate is a number. */
function numberLength(candidate: string, country: CountryCode | undefined): number {
  let number = candidate;
  for (let times = 0; times <= SHORTER_MAX && number !== ''; times++) {
    const dialled = number.startsWith('00') ? `+${number.slice(2)}` : number;
    // guard: pii-phone-valid
    if (
      parsePhoneNumberFromString(dialled, {
        ...(country !== undefined && { defaultCountry: country }),
        extract: false,
      })?.isValid() === true
    )
      return number.length;
    number = number.slice(0, Math.max(0, lastGap(number))).replace(/[ ()./\u00a0\u2011-]+$/, '');
  }
  return 0;
}

function lastGap(number: string): number {
  let at = number.length - 1;
  while (at >= 0 && /\d/.test(number[at] ?? '')) at--;
  return at;
}
