/** A moment that tests live through: both clocks go on from there. */
export interface Day {
  readonly name: string;
  /** RFC 3339, in UTC. */
  readonly at: string;
  /** Of the processes and of the database. */
  readonly zone: string;
}

/** And what about it hurts: a month began or ends within the hour, the clocks were changed, or last year has no such day. */
export interface HardDay extends Day {
  readonly hurts: 'began' | 'ends' | 'other offset' | 'leap day';
}

/** It has summer time, and its hours begin at half past: what is cut to an hour or a day by local time is seen. */
const ZONE = 'America/St_Johns';

/**
 * Days on which goes wrong what counts on a yesterday or a tomorrow in the same month or year, or on days of 24 hours. All of
 * them are past, and stay so.
 */
export const HARD_DAYS: readonly [HardDay, ...HardDay[]] = [
  { name: 'the first day of a month', at: '2025-06-01T00:01:00Z', zone: ZONE, hurts: 'began' },
  { name: 'the last day of a month', at: '2025-04-30T23:30:00Z', zone: ZONE, hurts: 'ends' },
  { name: 'the first day of a year', at: '2026-01-01T00:01:00Z', zone: ZONE, hurts: 'began' },
  { name: 'the last day of a year', at: '2025-12-31T23:30:00Z', zone: ZONE, hurts: 'ends' },
  { name: '28 February', at: '2025-02-28T23:30:00Z', zone: ZONE, hurts: 'ends' },
  { name: '29 February', at: '2024-02-29T12:00:00Z', zone: ZONE, hurts: 'leap day' },
  { name: 'the day on which summer time begins', at: '2025-03-09T05:45:00Z', zone: ZONE, hurts: 'other offset' },
  { name: 'the day on which summer time ends', at: '2025-11-02T04:45:00Z', zone: ZONE, hurts: 'other offset' },
];

/** A day on which all of that goes well. */
export const ORDINARY_DAY: Day = { name: 'a day like any other', at: '2025-06-16T12:05:00Z', zone: 'UTC' };
