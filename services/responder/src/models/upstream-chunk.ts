import type { ToolCallDelta } from '@bulla/crypto';
import { CryptoError, isVisibleName, LINE_VALUES_MAX, strictParseBody, utf8 } from '@bulla/crypto';
import { CHOICES_MAX, TOOLS_MAX } from '@bulla/crypto/names';
import * as z from 'zod';
import type { FinishReason, ModelChunk, ModelDelta, ModelUsage } from './model.js';
import { brokenAnswer } from './model-error.js';

/** The strict JSON of a reply has neither half a surrogate pair nor U+0000: its asker would refuse the whole of it. */
export const textSchema = z.string().refine((text) => text.isWellFormed() && !text.includes('\0'));
/** Names stand in lines that people read (protocol.md, amendment A15); some servers send an empty one for "none". */
// guard: upstream-names without: export const nameSchema = textSchema.max(256);
export const nameSchema = z
  .string()
  .max(256)
  .refine((name) => name === '' || isVisibleName(name));
export const countSchema = z.int().min(0);

/** What is known of a chunk; `members` says what becomes of members that are not. Some servers send null for "none". */
function shapeOf(members: typeof z.looseObject | typeof z.object) {
  const call = members({
    index: z
      .int()
      .min(0)
      .max(TOOLS_MAX - 1),
    id: nameSchema.nullish(),
    type: z.literal('function').nullish(),
    function: members({ name: nameSchema.nullish(), arguments: textSchema.nullish() }).nullish(),
  });
  const delta = members({
    role: z.literal('assistant').nullish(),
    content: textSchema.nullish(),
    refusal: textSchema.nullish(),
    tool_calls: z.array(call).max(TOOLS_MAX).nullish(),
  });
  const choice = members({
    index: z
      .int()
      .min(0)
      .max(CHOICES_MAX - 1)
      .nullish(),
    delta: delta.nullish(),
    finish_reason: z.string().nullish(),
  });
  return members({
    error: z.null().optional(),
    id: z.unknown().optional(),
    object: z.unknown().optional(),
    created: z.unknown().optional(),
    model: nameSchema.nullish(),
    choices: z.array(choice).max(CHOICES_MAX),
    usage: members({
      prompt_tokens: countSchema,
      completion_tokens: countSchema,
      total_tokens: countSchema.nullish(),
    }).nullish(),
  });
}
const knownSchema = shapeOf(z.object);
const carriedSchema = shapeOf(z.looseObject);
type Chunk = z.infer<typeof knownSchema>;
type Choice = Chunk['choices'][number];
type Delta = NonNullable<Choice['delta']>;
type Call = NonNullable<Delta['tool_calls']>[number];

/** What one event of the upstream says. */
export interface UpstreamChunk {
  readonly id: string | undefined;
  readonly created: number | undefined;
  readonly model: string | undefined;
  readonly choices: ModelChunk['choices'];
  readonly usage: ModelUsage | undefined;
  /** Members of the chunk that are not named here. */
  readonly more: Readonly<Record<string, unknown>>;
}

/** @throws {ModelError} upstream_unavailable when it is no chunk, or says that the answer failed or was withheld. */
export function parseUpstreamChunk(data: string): UpstreamChunk {
  const chunk = shaped(data);
  if (chunk === undefined) throw brokenAnswer('an event is no completion chunk');
  // Noise against those who look at sizes: our frames have their own.
  const {
    error: _none,
    id,
    object: _object,
    created,
    model,
    choices,
    usage,
    obfuscation: _noise,
    ...more
  } = chunk as Chunk & { readonly obfuscation?: unknown };
  return {
    id: typeof id === 'string' && id.length <= 256 && isVisibleName(id) ? id : undefined,
    created: countSchema.safeParse(created).data,
    model: model || undefined,
    choices: choices.map(choiceOf),
    usage: usage
      ? { ...usage, total_tokens: usage.total_tokens ?? usage.prompt_tokens + usage.completion_tokens }
      : undefined,
    more,
  };
}

/** With all its members where each of them may stand in a reply; else with those that are known. */
function shaped(data: string): Chunk | undefined {
  try {
    return carriedSchema.safeParse(strictParseBody(utf8(data), { maxBytes: Infinity, maxValues: CARRIED_VALUES_MAX }))
      .data;
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return knownSchema.safeParse(parseJson(data)).data;
  }
}

/** A line of a reply has some values more than an event. */
const CARRIED_VALUES_MAX = LINE_VALUES_MAX - 64;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function choiceOf({ index, delta, finish_reason: reason, ...more }: Choice): ModelChunk['choices'][number] {
  return { index: index ?? 0, delta: deltaOf(delta ?? {}), finish_reason: finishReasonOf(reason), ...more };
}

function deltaOf({ role, tool_calls: calls, ...said }: Delta): ModelDelta {
  const known = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return {
    ...(role ? { role } : {}),
    ...known,
    ...(calls?.length ? { tool_calls: calls.map(toolCallOf) } : {}),
  };
}

function toolCallOf({ index, id, type, function: part, ...more }: Call): ToolCallDelta {
  const { name, arguments: text, ...members } = part ?? {};
  return {
    ...more,
    index,
    ...(id ? { id } : {}),
    ...(type ? { type } : {}),
    function: { ...members, ...(name ? { name } : {}), ...(typeof text === 'string' ? { arguments: text } : {}) },
  };
}

function finishReasonOf(reason: string | null | undefined): FinishReason | null {
  if (!reason) return null;
  if (reason === 'stop' || reason === 'length' || reason === 'tool_calls') return reason;
  // guard: upstream-withheld without: return 'stop';
  throw brokenAnswer('it was withheld, or ended for a reason that is no end', 'withheld');
}
