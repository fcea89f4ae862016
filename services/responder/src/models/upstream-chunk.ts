import { isVisibleName } from '@bulla/crypto';
import * as z from 'zod';
import type { FinishReason, ModelDelta, ModelUsage, ToolCallDelta } from './model.js';
import { brokenAnswer } from './model-error.js';

/** The strict JSON of a reply has neither half a surrogate pair nor U+0000: its asker would refuse the whole of it. */
const textSchema = z.string().refine((text) => text.isWellFormed() && !text.includes('\0'));
/** Names stand in lines that people read (protocol.md, amendment A15); some servers send an empty one for "none". */
// guard: upstream-names without: const nameSchema = textSchema.max(256);
const nameSchema = z
  .string()
  .max(256)
  .refine((name) => name === '' || isVisibleName(name));
const countSchema = z.int().min(0);
const toolCallSchema = z.object({
  index: z.int().min(0).max(127),
  id: nameSchema.nullish(),
  type: z.literal('function').nullish(),
  function: z.object({ name: nameSchema.nullish(), arguments: textSchema.nullish() }).nullish(),
});
const choiceSchema = z.object({
  index: z.literal(0).nullish(),
  delta: z
    .object({
      role: z.literal('assistant').nullish(),
      content: textSchema.nullish(),
      refusal: textSchema.nullish(),
      tool_calls: z.array(toolCallSchema).max(128).nullish(),
    })
    .nullish(),
  finish_reason: z.string().nullish(),
});
/** Members that are not named here are ignored; some servers send null, or an empty finish reason, for "none". */
const chunkSchema = z.object({
  error: z.null().optional(),
  model: nameSchema.nullish(),
  choices: z.array(choiceSchema).max(1),
  usage: z
    .object({ prompt_tokens: countSchema, completion_tokens: countSchema, total_tokens: countSchema.nullish() })
    .nullish(),
});

/** What one event of the upstream says. */
export interface UpstreamChunk {
  readonly model: string | undefined;
  /** Undefined when nothing in it is for the asker. */
  readonly delta: ModelDelta | undefined;
  readonly finishReason: FinishReason | undefined;
  readonly usage: ModelUsage | undefined;
}

/** @throws {ModelError} upstream_unavailable when it is no chunk, or says that the answer failed or was withheld. */
export function parseUpstreamChunk(data: string): UpstreamChunk {
  const chunk = chunkSchema.safeParse(parseJson(data));
  if (!chunk.success) throw brokenAnswer('an event is no completion chunk');
  const { choices, usage, model } = chunk.data;
  const choice = choices[0];
  return {
    model: model || undefined,
    delta: deltaOf(choice?.delta ?? {}),
    finishReason: finishReasonOf(choice?.finish_reason),
    usage: usage
      ? { ...usage, total_tokens: usage.total_tokens ?? usage.prompt_tokens + usage.completion_tokens }
      : undefined,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function deltaOf(delta: NonNullable<z.infer<typeof choiceSchema>['delta']>): ModelDelta | undefined {
  const known: ModelDelta = {
    ...(delta.role ? { role: delta.role } : {}),
    ...(typeof delta.content === 'string' ? { content: delta.content } : {}),
    ...(delta.refusal ? { refusal: delta.refusal } : {}),
    ...(delta.tool_calls?.length ? { tool_calls: delta.tool_calls.map(toolCallOf) } : {}),
  };
  return Object.values(known).some((value) => value !== '') ? known : undefined;
}

function toolCallOf(call: z.infer<typeof toolCallSchema>): ToolCallDelta {
  const name = call.function?.name;
  const text = call.function?.arguments;
  return {
    index: call.index,
    ...(call.id ? { id: call.id } : {}),
    ...(call.type ? { type: call.type } : {}),
    function: { ...(name ? { name } : {}), ...(typeof text === 'string' ? { arguments: text } : {}) },
  };
}

function finishReasonOf(reason: string | null | undefined): FinishReason | undefined {
  if (!reason) return undefined;
  if (reason === 'stop' || reason === 'length' || reason === 'tool_calls') return reason;
  // guard: upstream-withheld without: return 'stop';
  throw brokenAnswer('it was withheld, or ended for a reason that is no end', 'withheld');
}
