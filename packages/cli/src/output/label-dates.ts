import type { LabelDates } from '@bulla/client';

/** Both dates of a label as cells: until when its signatures count, and until when it counts as the newest. */
export function dateCells({ signedUntil, newestUntil }: LabelDates): readonly [signed: string, newest: string] {
  return [dayOf(signedUntil), dayOf(newestUntil)];
}

/** Both dates in a line. */
export function datesInWords(dates: LabelDates): string {
  const [signed, newest] = dateCells(dates);
  return `signed until ${signed}, called the newest until ${newest}`;
}

/** Both dates for programs. */
export function datesAsJson({ signedUntil, newestUntil }: LabelDates): {
  readonly signed_until: string | null;
  readonly newest_until: string | null;
} {
  return { signed_until: timestampOf(signedUntil), newest_until: timestampOf(newestUntil) };
}

/** The day in UTC; `?` where what the vault shows does not say it, `never` where nobody has. */
function dayOf(seconds: number | undefined): string {
  if (seconds === undefined) return '?';
  return seconds === 0 ? 'never' : new Date(seconds * 1000).toISOString().slice(0, 10);
}

function timestampOf(seconds: number | undefined): string | null {
  return seconds === undefined || seconds === 0 ? null : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
