import * as z from 'zod';
import { USAGE_COUNTS_MAX } from '../http/limits.js';
import { page, pageQuery } from '../http/paging.js';
import { AskerUrn, PromptId, PromptName, ResponderUrn, Timestamp, UsageReportId } from '../ids.js';
import { ModelName } from '../invocations/models.js';
import { Count } from '../numbers.js';

/** What a sum stops at, so that it stays a number that JSON can hold. */
export const USAGE_SUM_MAX = Number.MAX_SAFE_INTEGER;
/** More tokens of either direction no run can have taken: no model reads or writes a hundredth of it. */
export const RUN_TOKENS_MAX = 100_000_000;
/** No run can have cost more, in billionths of a unit of its currency: a hundred thousand units. */
export const RUN_NANOS_MAX = 100_000 * 1_000_000_000;
/** Runs that one report counts, at most: a report is made of what ended within seconds. */
export const REPORT_RUNS_MAX = 10_000;

const Sum = z.int().min(0).max(USAGE_SUM_MAX);
const tokens = {
  input_tokens: Sum.meta({ description: 'Tokens that models read, as they counted them.', example: 1_204 }),
  output_tokens: Sum.meta({ description: 'Tokens that models wrote, as they counted them.', example: 311 }),
};
/** Currencies that costs come in, at most. */
export const CURRENCIES_MAX = 16;

/** What runs cost by the prices of the responder. */
export const Cost = z
  .strictObject({
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be three letters of ISO 4217')
      .meta({ description: 'What the prices are in: three letters of ISO 4217.', example: 'USD' }),
    nanos: Sum.meta({ description: 'So many billionths of a unit of it.', example: 492_600 }),
  })
  .meta({ id: 'Cost' });
export type Cost = z.input<typeof Cost>;
const model = ModelName.meta({ description: 'The name of the model at the responder.', example: 'small' });
const prompt = PromptId.nullable().describe('The prompt that ran; null for chats.');

const meaning = {
  runs: 'Runs that asked a model, and have ended.',
  failed: 'Of these, how many have no answer: the model failed, or nobody waited for it any more.',
  uncounted: 'Of these, in how many the model did not say how many tokens it took. They are not in the sums of tokens.',
  unpriced: 'Of these, for how many no price is known, or no tokens. They are not in the cost.',
} as const;

/** An hour begins with it. */
const Hour = Timestamp.regex(/T[0-9]{2}:00:00\.000Z$/, 'must be the beginning of an hour').meta({
  description: 'When the hour began in which the runs ended, by the clock of the database of the responder.',
  example: '2026-11-28T09:00:00.000Z',
});

/** What the runs of one hour took that one asker asked of one model with one prompt, at prices of one currency. */
export const UsageCount = z
  .strictObject({
    hour: Hour,
    device: AskerUrn,
    prompt,
    model,
    runs: Count.min(1).meta({ description: meaning.runs, example: 3 }),
    failed: Count.meta({ description: meaning.failed, example: 1 }),
    uncounted: Count.meta({ description: meaning.uncounted, example: 1 }),
    ...tokens,
    cost: Cost.nullable().describe('What these runs cost; null where no price is known, or no tokens.'),
  })
  // guard: usage-parts
  .refine(({ runs, failed, uncounted }) => Math.max(failed, uncounted) <= runs, {
    error: 'must not count more than all runs',
  })
  // guard: usage-run-tokens
  .refine((one) => Math.max(one.input_tokens, one.output_tokens) <= (one.runs - one.uncounted) * RUN_TOKENS_MAX, {
    error: 'must not be more tokens than so many runs can have taken',
  })
  // guard: usage-run-cost
  .refine((one) => one.cost === null || one.cost.nanos <= one.runs * RUN_NANOS_MAX, {
    error: 'must not be a higher cost than that of so many runs can be',
  })
  .meta({ id: 'UsageCount' });
export type UsageCount = z.input<typeof UsageCount>;

/** What a responder counted since its report before. */
export const NewUsage = z
  .strictObject({
    report: UsageReportId,
    counts: z
      .array(UsageCount)
      .min(1)
      .max(USAGE_COUNTS_MAX)
      .describe('Each hour, asker, prompt, model and currency once.'),
  })
  .meta({ id: 'NewUsage' });
export type NewUsage = z.input<typeof NewUsage>;

/** What became of a report. */
export const AcceptedUsage = z
  .strictObject({
    taken: Count.describe('How many of its counts were added: none where the report was there already.'),
  })
  .meta({ id: 'AcceptedUsage' });
export type AcceptedUsage = z.input<typeof AcceptedUsage>;

/** By what usage is added up. */
export const UsageBy = z.enum(['device', 'prompt', 'model', 'hour', 'day']);
export type UsageBy = z.infer<typeof UsageBy>;

/** Which usage, and by what it is added up. */
export const UsageQuery = z.strictObject({
  ...pageQuery,
  by: UsageBy.default('model').meta({ description: 'By what it is added up.', example: 'model' }),
  since: Timestamp.optional().describe('Only runs that ended in the hour of this moment, or later.'),
  until: Timestamp.optional().describe('Only runs that ended in an hour that began before this moment.'),
});
export type UsageQuery = z.infer<typeof UsageQuery>;

/**
 * What runs took that have something in common: that which they were added up by, and the responder that counted them. So what
 * one responder says falsely is in no sum of another.
 */
export const UsageSum = z
  .strictObject({
    responder: ResponderUrn.describe('The responder whose word it is.'),
    device: AskerUrn.optional(),
    prompt: prompt.optional(),
    name: PromptName.nullable().optional().describe('The name of the prompt; null where this vault knows none.'),
    model: model.optional(),
    from: Hour.optional().describe('When the hour, or the day in UTC, began.'),
    runs: Sum.meta({ description: meaning.runs, example: 3 }),
    failed: Sum.meta({ description: meaning.failed, example: 1 }),
    uncounted: Sum.meta({ description: meaning.uncounted, example: 1 }),
    unpriced: Sum.meta({ description: meaning.unpriced, example: 1 }),
    ...tokens,
    costs: z.array(Cost).max(CURRENCIES_MAX).describe('What that cost, by currency; the largest numbers first.'),
  })
  .meta({ id: 'UsageSum' });
export type UsageSum = z.input<typeof UsageSum>;

/** A page of sums. Hours and days come in their order, and of each hour by responder; others in one that means nothing. */
export const UsagePage = page(UsageSum).meta({ id: 'UsagePage' });
export type UsagePage = z.input<typeof UsagePage>;
