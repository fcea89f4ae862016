const DAY_MS = 86_400_000;
/** How long a KEK takes new data keys in. */
const KEK_DAYS = 90;
/** As often may a KEK be used before it is replaced: a quarter of what it is stopped at. */
export const KEK_USES_DUE = 2 ** 28;

/** When keys are replaced, and when they go. */
export class KeyTimes {
  readonly #backupDays: number;

  /** @param backupDays how old the oldest backup may be that somebody would put back. */
  constructor(backupDays: number) {
    this.#backupDays = backupDays;
  }

  /** A KEK that became active before this is to be replaced. */
  dueBefore(nowMs: number): Date {
    return new Date(nowMs - KEK_DAYS * DAY_MS);
  }

  /** A KEK under which nothing has been since before this may be destroyed: no backup has anything under it either. */
  destroyableBefore(nowMs: number): Date {
    return new Date(nowMs - this.#backupDays * DAY_MS);
  }

  /** When a KEK is next changed by itself; null where that is not known, or never. */
  dueAt({ state, activated_at, emptied_at }: KekDates): Date | null {
    if (state === 'active' && activated_at !== null) return new Date(activated_at.getTime() + KEK_DAYS * DAY_MS);
    if (state !== 'deactivated' || emptied_at === null) return null;
    return new Date(emptied_at.getTime() + this.#backupDays * DAY_MS);
  }
}

interface KekDates {
  readonly state: string;
  readonly activated_at: Date | null;
  readonly emptied_at: Date | null;
}
