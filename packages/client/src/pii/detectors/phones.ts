import type { CountryCode } from 'libphonenumber-js/min';
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { Detector, Finding } from '../finding.js';
import { piiFailed } from '../pii-refusal.js';

/** A number with its country's code: `+49 …`, `0049 …`. */
const INTERNATIONAL = /(?<![\p{L}\p{N}])(?:\+|00)[1-9](?:[ ()./\u00a0\u2011-]{0,2}\d){6,15}(?!\d)/gu;
/** One without: after its first group each has at least two digits. */
const NATIONAL = /(?<![\p{L}\p{N}+.])\(?\d{1,15}(?:[ ()./\u00a0\u2011-]{1,2}\d{2,15}){0,5}(?![\p{L}\p{N}])/gu;
const DIGITS_MIN = 6;
const DIGITS_MAX = 15;
/** How often a candidate is shortened by its last group: what follows a number may look like a part of it. */
const SHORTER_MAX = 2;

/**
 * Phone numbers that the numbering plans of the world have: with a country's code, and those of one country without.
 * @param country ISO 3166, such as `DE`.
 * @throws {BullaError} pii_policy_failed if that has no numbering plan
 */
export function phoneDetector(country: string | undefined): Detector {
  // guard: pii-phone-country
  if (country !== undefined && !isSupportedCountry(country))
    throw piiFailed('the country of phone numbers without a code has no numbering plan (BULLA_PII_COUNTRY)');
  return function* (text) {
    yield* found(text, INTERNATIONAL, undefined);
    if (country !== undefined) yield* found(text, NATIONAL, country);
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
  for (let times = 0; times <= SHORTER_MAX; times++) {
    const digits = number.replaceAll(/\D/g, '').length;
    if (digits < DIGITS_MIN) return 0;
    if (digits <= DIGITS_MAX && isNumber(number, country)) return number.length;
    number = number.slice(0, Math.max(0, lastGap(number))).replace(/[ ()./\u00a0\u2011-]+$/, '');
  }
  return 0;
}

function isNumber(text: string, country: CountryCode | undefined): boolean {
  const dialled = text.startsWith('00') ? `+${text.slice(2)}` : text;
  const options = { extract: false, ...(country !== undefined && { defaultCountry: country }) };
  const number = parsePhoneNumberFromString(dialled, options);
  // guard: pii-phone-valid without: return number !== undefined;
  return number?.isValid() === true;
}

function lastGap(number: string): number {
  let at = number.length - 1;
  while (at >= 0 && /\d/.test(number[at] ?? '')) at--;
  return at;
}
