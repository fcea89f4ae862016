const ORIGIN_NUMBER = /\/audit\/([1-9][0-9]*)$/;

/** Which log of a service has this origin. */
export function numberOf(origin: string): number {
  return Number(ORIGIN_NUMBER.exec(origin)?.[1] ?? 0);
}
