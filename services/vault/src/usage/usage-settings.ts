import { wholeNumberSetting } from '@bulla/service-kit';

/** A year and a month, so that a month can be held against that of the year before. */
export const USAGE_DAYS = 400;
const USAGE_DAYS_MAX = 3_650;

/** What a vault takes from the environment about usage. */
export const usageSettings = {
  BULLA_USAGE_RETENTION_DAYS: wholeNumberSetting(USAGE_DAYS, 1, USAGE_DAYS_MAX),
};
