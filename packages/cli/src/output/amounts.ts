import type { Cost } from '@bulla/contract';

const NANO = 1_000_000_000;

/** A whole number with commas between its thousands: `1,204`. */
export function numberShown(value: number): string {
  return value.toLocaleString('en-US');
}

/** An amount of money: to two digits after the point, and to four that count where it is less than one. */
export function moneyShown({ currency, nanos }: Cost): string {
  const amount = nanos / NANO;
  const digits =
    amount === 0 || amount >= 1
      ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
      : { minimumFractionDigits: 2, maximumFractionDigits: 9, maximumSignificantDigits: 4 };
  return `${amount.toLocaleString('en-US', digits)} ${currency}`;
}
