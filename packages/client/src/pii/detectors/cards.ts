import type { Finding } from '../finding.js';
import { passesLuhn } from './check-digits.js';
import { numberRuns, windowsOf } from './number-runs.js';

/** How cards write their numbers, and how machines do. */
const SHAPES = [[19], [18], [17], [16], [15], [14], [4, 4, 4, 4], [4, 6, 5], [4, 6, 4], [4, 4, 4, 4, 3]];

interface Issuer {
  /** Least and greatest of the first digits. */
  readonly from: string;
  readonly to: string;
  readonly lengths: readonly number[];
}

const issuer = (from: string, to: string, ...lengths: number[]): Issuer => ({ from, to, lengths });
/** Numbers of networks (ISO/IEC 7812): those that Visa, Mastercard, American Express and others give out. */
const ISSUERS: readonly Issuer[] = [
  issuer('4', '4', 16, 19),
  issuer('51', '55', 16),
  issuer('2221', '2720', 16),
  issuer('34', '34', 15),
  issuer('37', '37', 15),
  issuer('300', '305', 14, 16),
  issuer('36', '36', 14),
  issuer('38', '39', 14, 16),
  issuer('6011', '6011', 16, 19),
  issuer('644', '659', 16, 19),
  issuer('3528', '3589', 16, 19),
  issuer('62', '62', 16, 17, 18, 19),
  issuer('50', '50', 16, 18, 19),
  issuer('56', '58', 16, 18, 19),
  issuer('60', '60', 16),
  issuer('63', '63', 16, 18, 19),
  issuer('67', '67', 16, 18, 19),
  issuer('2200', '2204', 16, 17, 18, 19),
];

/** Payment card numbers: a network's first digits and length, and a Luhn sum that fits. */
export function* findCards(text: string): Generator<Finding> {
  for (const run of numberRuns(text))
    for (const { digits, start, end } of windowsOf(run, SHAPES)) {
      // guard: pii-card-luhn without: if (isIssued(digits))
      if (isIssued(digits) && passesLuhn(digits)) yield { type: 'CARD', start, end };
    }
}

function isIssued(digits: string): boolean {
  return ISSUERS.some(({ from, to, lengths }) => {
    const first = digits.slice(0, from.length);
    return first >= from && first <= to && lengths.includes(digits.length);
  });
}
