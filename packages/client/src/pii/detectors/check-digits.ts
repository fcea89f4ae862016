/** Whether the last digit makes a Luhn sum of zero (ISO/IEC 7812-1, annex B). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = digitAt(digits, digits.length - 1 - place);
    const doubled = digit * 2;
    sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** The remainder of a number in digits of any length. */
export function remainder(digits: string, divisor: number): number {
  let rest = 0;
  for (const digit of digits) rest = (rest * 10 + Number(digit)) % divisor;
  return rest;
}

/** The sum of digits, each times its weight; weights that are missing count as nothing. */
export function weightedSum(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, place) => sum + weight * digitAt(digits, place), 0);
}

/** ISO/IEC 7064 MOD 11,10: whether the last digit is the check digit of the others. */
export function passesMod1110(digits: string): boolean {
  let product = 10;
  for (let place = 0; place < digits.length - 1; place++) {
    const sum = (digitAt(digits, place) + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return (11 - product) % 10 === digitAt(digits, digits.length - 1);
}

const TURNS = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

/** Verhoeff's check by the group of a pentagon's symmetries: whether the last digit is that of the others. */
export function passesVerhoeff(digits: string): boolean {
  let check = 0;
  for (let place = 0; place < digits.length; place++) {
    let digit = digitAt(digits, digits.length - 1 - place);
    for (let turn = 0; turn < place % 8; turn++) digit = TURNS[digit] ?? 0;
    check = inPentagon(check, digit);
  }
  return check === 0;
}

/** The product of two symmetries: 0–4 turn, 5–9 turn and flip. */
function inPentagon(one: number, other: number): number {
  const [turned, by] = [one % 5, other % 5];
  if (one < 5) return other < 5 ? (turned + by) % 5 : ((turned + by) % 5) + 5;
  return other < 5 ? ((turned - by + 5) % 5) + 5 : (turned - by + 5) % 5;
}

/** Whether six digits are a year without century, a month and a day. */
export function isDate(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

export function digitAt(digits: string, place: number): number {
  return digits.charCodeAt(place) - 48;
}
