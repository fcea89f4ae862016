// Numbers with check digits, made by trying digits until an equation of the rule holds.

/** Draws from a seed. */
export class Draw {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  one<Value>(values: readonly Value[]): Value {
    const drawn = values[this.below(values.length)];
    if (drawn === undefined) throw new Error('nothing to draw from');
    return drawn;
  }

  from(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[this.below(alphabet.length)]).join('');
  }

  /** Digits that begin so, as many in all. */
  digits(length: number, start = ''): string {
    return start + this.from('0123456789', length - start.length);
  }

  two(least: number, count: number): string {
    return String(least + this.below(count)).padStart(2, '0');
  }
}

const DIGITS = '0123456789'.split('');
/** The sum of digits by what each counts, one after the other, again from the first. */
const sumBy = (digits: string, weights: readonly number[]) =>
  digits.split('').reduce((sum, digit, at) => sum + Number(digit) * (weights[at % weights.length] ?? 0), 0);
const firstThat = (signs: readonly string[], fits: (sign: string) => boolean) => signs.find(fits) ?? '';

/** The digits and the one that makes their Luhn sum end in zero: doubled digits count their own digits. */
export function withLuhn(digits: string): string {
  const isGood = (whole: string) => {
    const counted = whole
      .split('')
      .toReversed()
      .map((digit, at) => (at % 2 === 0 ? digit : String(Number(digit) * 2)))
      .join('');
    return sumBy(counted, [1]) % 10 === 0;
  };
  return digits + firstThat(DIGITS, (last) => isGood(digits + last));
}

/** The account of a country with its two check digits (ISO 13616). */
export function ibanOf(country: string, account: string): string {
  const inDigits = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => String(Number.parseInt(letter, 36)));
  const rest = BigInt(`${inDigits(account + country)}00`) % 97n;
  return `${country}${String(98n - rest).padStart(2, '0')}${account}`;
}

/** A number of persons as its country makes it. */
export function nationalIdOf(country: string, draw: Draw): string {
  const make = IDS[country];
  if (make === undefined) throw new Error(`no numbers of ${country} are made here`);
  return make(draw);
}

const date = (draw: Draw) => `${draw.two(50, 50)}${draw.two(1, 12)}${draw.two(1, 28)}`;

const IDS: Readonly<Record<string, (draw: Draw) => string>> = {
  DE: (draw) => {
    const different = DIGITS.slice(1).toSorted(() => draw.below(3) - 1);
    const ten = [...different.slice(0, 9), different[0]].join('');
    // The check digit brings the product, doubled by 11 over and over, to one.
    const product = ten.split('').reduce((before, digit) => (((before + Number(digit)) % 10 || 10) * 2) % 11, 10);
    return `${ten}${(11 - product) % 10}`;
  },
  FR: (draw) => {
    const number = `${draw.one(['1', '2'])}${draw.two(50, 50)}${draw.two(1, 12)}${draw.two(1, 95)}${draw.digits(6)}`;
    const key = String(97n - (BigInt(number) % 97n)).padStart(2, '0');
    return draw.one([`${number}${key}`, `${number} ${key}`]);
  },
  PL: (draw) => {
    const ten = `${date(draw)}${draw.digits(4)}`;
    return ten + firstThat(DIGITS, (last) => sumBy(ten + last, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0);
  },
  BE: (draw) => {
    const nine = `${date(draw)}${draw.digits(3)}`;
    const check = String(97n - (BigInt(nine) % 97n)).padStart(2, '0');
    const [year, month, day] = [nine.slice(0, 2), nine.slice(2, 4), nine.slice(4, 6)];
    return draw.one([`${nine}${check}`, `${year}.${month}.${day}-${nine.slice(6)}.${check}`]);
  },
  SE: (draw) => {
    const ten = withLuhn(`${date(draw)}${draw.digits(3)}`);
    return `${ten.slice(0, 6)}-${ten.slice(6)}`;
  },
  CH: (draw) => {
    const twelve = draw.digits(12, '756');
    const last = firstThat(DIGITS, (sign) => sumBy(twelve + sign, [1, 3]) % 10 === 0);
    return (twelve + last).replace(/^(...)(....)(....)(..)$/, '$1.$2.$3.$4');
  },
  BR: (draw) => {
    const nine = draw.digits(9, '12');
    const check = (digits: string) => {
      const rest =
        11 -
        (digits
          .split('')
          .toReversed()
          .reduce((sum, digit, at) => sum + Number(digit) * (at + 2), 0) %
          11);
      return rest > 9 ? '0' : String(rest);
    };
    const ten = nine + check(nine);
    return (ten + check(ten)).replace(/^(...)(...)(...)(..)$/, '$1.$2.$3-$4');
  },
  // The table of Verhoeff's check, written out, and the places of its permutation.
  IN: (draw) => {
    const eleven = draw.digits(11, String(2 + draw.below(8)));
    return (eleven + firstThat(DIGITS, (last) => verhoeff(eleven + last) === 0)).replace(
      /^(.{4})(.{4})(.{4})$/,
      '$1 $2 $3',
    );
  },
  ES: (draw) => {
    const digits = draw.digits(8);
    return digits + 'TRWAGMYFPDXBNJZSQVHLCKE'.charAt(Number(digits) % 23);
  },
  IT: (draw) => {
    const name = draw.from('BCDFGHLMNPRSTVZ', 6);
    const code = `${name}${draw.two(40, 59)}${draw.from('ABCDEHLMPRST', 1)}${draw.two(1, 28)}H${draw.digits(3)}`;
    return code + italianLetter(code);
  },
  FI: (draw) => {
    const [day, number] = [`${draw.two(1, 28)}${draw.two(1, 12)}${draw.two(50, 50)}`, draw.digits(3)];
    return `${day}-${number}${'0123456789ABCDEFHJKLMNPRSTUVWXY'.charAt(Number(day + number) % 31)}`;
  },
  CN: (draw) => {
    const front = `110105${draw.one(['19', '20'])}${date(draw)}${draw.digits(3)}`;
    // A number with its check sign is one by 11, each place counting a power of two.
    const value = (sign: string) => (sign === 'X' ? 10 : Number(sign));
    const sum = (whole: string) =>
      whole.split('').reduce((before, sign, at) => before + value(sign) * 2 ** (17 - at), 0);
    return front + firstThat([...DIGITS, 'X'], (last) => sum(front + last) % 11 === 1);
  },
};

const ODD = 'BAKPLCQDREVOSFTGUHMINJWZYX';

/** The letter that counts as what places say: at odd ones its place in a string that the office published. */
function italianLetter(code: string): string {
  const value = (sign: string) => (/\d/.test(sign) ? Number(sign) : sign.charCodeAt(0) - 65);
  const odd = (sign: string) => ODD.indexOf(String.fromCharCode(65 + value(sign)));
  const sum = code.split('').reduce((before, sign, at) => before + (at % 2 === 0 ? odd(sign) : value(sign)), 0);
  return String.fromCharCode(65 + (sum % 26));
}

const MULTIPLIED = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const PERMUTED = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

function verhoeff(digits: string): number {
  return digits
    .split('')
    .toReversed()
    .reduce((check, digit, at) => Number(MULTIPLIED[check]?.[Number(PERMUTED[at % 8]?.[Number(digit)])]), 0);
}
