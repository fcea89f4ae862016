import type { Settings } from '@bulla/service-kit';
import { wholeNumberSetting } from '@bulla/service-kit';
import type { AnswerLimits } from './answer-budget.js';
import { ANSWER_LIMITS } from './answer-budget.js';
import type { RunLimits } from './run-places.js';
import { RUN_LIMITS } from './run-places.js';

const runs = (initial: number, whose: string) =>
  wholeNumberSetting(initial, 1, 100_000).describe(`a whole number from 1 to 100000: runs at once ${whose}`);

/** The settings of this room, to be spread into the schema of the responder's environment. */
export const runSettings = {
  BULLA_RUNS_MAX: runs(RUN_LIMITS.max, 'in one process'),
  BULLA_LIMIT_RUNS_PER_KEY: runs(RUN_LIMITS.perKey, 'of one key, in one process'),
  BULLA_LIMIT_RUNS_PER_ORG: runs(RUN_LIMITS.perOrganisation, 'of all keys of an organisation, in one process'),
  BULLA_ANSWER_BYTES_MAX: wholeNumberSetting(ANSWER_LIMITS.bytesMax, 65_536, ANSWER_LIMITS.bytesMax).describe(
    'a whole number from 65536 to 8388608: bytes of one answer, where it ends with `length`; what is longer fits no answer file',
  ),
};

/** The bounds of answers as the settings say them. */
export function answerLimitsOf(settings: Settings<typeof runSettings>): AnswerLimits {
  return { ...ANSWER_LIMITS, bytesMax: settings.BULLA_ANSWER_BYTES_MAX };
}

/** The bounds of runs as the settings say them. */
export function runLimitsOf(settings: Settings<typeof runSettings>): RunLimits {
  return {
    max: settings.BULLA_RUNS_MAX,
    perKey: settings.BULLA_LIMIT_RUNS_PER_KEY,
    perOrganisation: settings.BULLA_LIMIT_RUNS_PER_ORG,
  };
}
