import { ModelName, RUN_NANOS_MAX, RUN_TOKENS_MAX } from '@bulla/contract';
import type { ReplyUsage } from '@bulla/crypto';
import type { QueryCreator, RawBuilder } from 'kysely';
import { sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';
import type { ModelCall } from '../models/resilience/model-call.js';

/** What a run took, as it is counted. */
export interface RunUsage {
  /** The name of the model in the registry; for one that only a server knows, as the prompt has it. */
  readonly model: string;
  /** Whether it has no answer: the model failed, or nobody waited for it any more. */
  readonly failed: boolean;
  /** Null where the model did not say. */
  readonly tokens: { readonly input: number; readonly output: number } | null;
  /** In billionths of a unit of the currency; null where no price is known, or no tokens, or it is more than a run can cost. */
  readonly cost: { readonly currency: string; readonly nanos: number } | null;
}

/** The same as columns; all of them are null for a run that is not counted. */
export interface CountedRun {
  readonly prompt: string | null;
  readonly model: string | null;
  readonly failed: boolean | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly currency: string | null;
  readonly costNanos: number | null;
}

/** @param prompt its id; undefined for chats. */
export function countedRun(usage: RunUsage | undefined, prompt: string | undefined): CountedRun {
  return {
    prompt: prompt ?? null,
    model: usage?.model ?? null,
    failed: usage?.failed ?? null,
    inputTokens: usage?.tokens?.input ?? null,
    outputTokens: usage?.tokens?.output ?? null,
    currency: usage?.cost?.currency ?? null,
    costNanos: usage?.cost?.nanos ?? null,
  };
}

/**
 * What a run is counted as.
 * @param usage as the model told it.
 */
export function usageOf(
  call: Pick<ModelCall, 'registeredAs' | 'request' | 'costOf'>,
  {
    usage,
    failed,
    currency,
  }: { readonly usage: ReplyUsage; readonly failed: boolean; readonly currency: string | undefined },
): RunUsage {
  const tokens = tokensOf(usage);
  const nanos = tokens && call.costOf({ prompt_tokens: tokens.input, completion_tokens: tokens.output });
  const cost = nanos === null || nanos === undefined || currency === undefined ? null : { currency, nanos };
  // guard: usage-cost without: const isCost = cost !== null;
  const isCost = cost !== null && cost.nanos <= RUN_NANOS_MAX;
  return { model: nameOf(call), failed, tokens, cost: isCost ? cost : null };
}

/** The vault takes no other names than prompts may say. */
function nameOf({ registeredAs, request }: Pick<ModelCall, 'registeredAs' | 'request'>): string {
  const { data: name = 'default' } = ModelName.safeParse(registeredAs ?? request.model);
  return name;
}

/** What a model says of its tokens; null where it says nothing, or what no model can have taken. */
function tokensOf({ prompt_tokens: input, completion_tokens: output = 0 }: ReplyUsage): RunUsage['tokens'] {
  if (input === undefined) return null;
  // guard: usage-tokens without: return { input, output };
  return input <= RUN_TOKENS_MAX && output <= RUN_TOKENS_MAX ? { input, output } : null;
}

/**
 * The insert of what a run took, for each row of a statement that ends one: it is counted where it ends, and only there.
 * @param ended the name of that statement's rows in the one that this becomes part of
 */
export function countInsertion(
  db: QueryCreator<ResponderTables>,
  ended: string,
  own: CountedRun & { readonly org: string; readonly iss: string },
) {
  const number = (value: number | null) => sql<number | null>`${value}::int8`;
  const isCounted: RawBuilder<boolean> = sql`${own.model}::text is not null`;
  return db
    .insertInto('usage_run')
    .columns(['org', 'device', 'prompt', 'model', 'failed', 'input_tokens', 'output_tokens', 'currency', 'cost_nanos'])
    .expression(
      (db as QueryCreator<ResponderTables & Record<string, object>>)
        .selectFrom(ended)
        .select([
          sql<string>`${own.org}::text`.as('org'),
          sql<string>`${own.iss}::text`.as('device'),
          sql<string | null>`${own.prompt}::text`.as('prompt'),
          sql<string>`${own.model}::text`.as('model'),
          sql<boolean>`${own.failed}::boolean`.as('failed'),
          number(own.inputTokens).as('input_tokens'),
          number(own.outputTokens).as('output_tokens'),
          sql<string | null>`${own.currency}::text`.as('currency'),
          number(own.costNanos).as('cost_nanos'),
        ])
        .where(isCounted) as never,
    );
}
