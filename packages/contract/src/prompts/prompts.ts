import * as z from 'zod';
import { Label, PromptId, PromptName, Timestamp } from '../ids.js';
import { LABELS_MAX } from '../http/limits.js';
import { Sequence, Version, VersionOrNone } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';

/** Whether the content is one user message or a list of messages. */
export const PromptType = z
  .enum(['text', 'chat'])
  .meta({ description: 'Whether the content is one user message or a list of messages.', example: 'text' });
export type PromptType = z.infer<typeof PromptType>;

/** A prompt without a version yet; its maker chooses the id. */
export const NewPrompt = z.strictObject({ id: PromptId, name: PromptName, type: PromptType }).meta({ id: 'NewPrompt' });
export type NewPrompt = z.infer<typeof NewPrompt>;

/** A prompt: everything about it that is not secret. */
export const Prompt = z
  .strictObject({
    id: PromptId,
    name: PromptName,
    type: PromptType,
    latest_version: VersionOrNone.describe('Number of the newest version; 0 before the first.'),
    labels: z
      .array(z.strictObject({ label: Label, version: Version, seq: Sequence }))
      .max(LABELS_MAX)
      .describe('Where its labels stand, by what the vault says; signed tags prove it.'),
    created_at: Timestamp.describe('When it was made.'),
    updated_at: Timestamp.describe('When it, a version or a label of it changed last.'),
    deleted_at: Timestamp.nullable().describe('When it was deleted; null while it is there.'),
  })
  .meta({ id: 'Prompt' });
export type Prompt = z.input<typeof Prompt>;

export const PromptQuery = z.strictObject({
  prefix: z
    .string()
    .max(128, { error: 'must have at most 128 characters', abort: true })
    .regex(/^[a-z0-9._/-]*$/, 'must be the beginning of a name')
    .meta({ description: 'Only names that begin so.', example: 'claims/' })
    .optional(),
  label: Label.describe('Only prompts that bear this label.').optional(),
  status: z
    .enum(['active', 'deleted'])
    .default('active')
    .meta({ description: 'Prompts that are there, or those that were deleted.', example: 'active' }),
  ...pageQuery,
});
export type PromptQuery = z.infer<typeof PromptQuery>;

export const PromptNameQuery = z.strictObject({ name: PromptName });
export type PromptNameQuery = z.infer<typeof PromptNameQuery>;

export const PromptPage = page(Prompt).meta({ id: 'PromptPage' });
export type PromptPage = z.input<typeof PromptPage>;
