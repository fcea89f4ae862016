import * as z from 'zod';
import { ContentHash, Kid, PromptName, Timestamp, Urn } from '../ids.js';
import { GRANTS_MAX, PUSHED_TAGS_MAX } from '../http/limits.js';
import { LabelMoveResult } from '../labels/approvals.js';
import { Version } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';
import { ContentToken, DepositToken, GrantToken, TagToken } from '../tokens.js';
import { PromptType } from './prompts.js';
import { ClearStatement } from './clear-statement.js';

const newPrompt = z
  .strictObject({ name: PromptName, type: PromptType })
  .optional()
  .describe('Makes the prompt too, with its first version: a name is taken with what stands under it, or not at all.');

/**
 * A sealed version, with a grant for everybody who is to open it, the first the author's own; and with it, in one request,
 * the prompt and the labels that are to point to it.
 */
export const NewVersion = z
  .strictObject({
    content: ContentToken,
    grants: z
      .array(GrantToken)
      .min(1)
      .max(GRANTS_MAX)
      .describe('One for each key that is to open it; the first is to a key of the author.'),
    deposit: DepositToken.optional().describe(
      'Under a managed name, and there alone: the key of the content for the vault, which reads it from then on.',
    ),
    prompt: newPrompt,
    tags: z
      .array(TagToken)
      .max(PUSHED_TAGS_MAX)
      .optional()
      .describe('One for each label that is to point to this version. They move with it, or nothing is stored.'),
  })
  .meta({ id: 'NewVersion' });
export type NewVersion = z.infer<typeof NewVersion>;

/**
 * A version of a managed name in the clear, which the vault signs and seals. It travels over a connection that nobody
 * else reads, or not at all.
 */
export const NewClearVersion = z
  .strictObject({
    statement: ClearStatement,
    salt: z
      .string()
      .regex(/^[A-Za-z0-9_-]{22}$/, 'must be 16 bytes in base64url')
      .meta({
        description: '16 fresh random bytes in base64url: what is kept of the request then says nothing of the text.',
        example: '6vMxqGQv2n6o3qSx0YB1uA',
      }),
    prompt: newPrompt,
  })
  .meta({ id: 'NewClearVersion' });
export type NewClearVersion = z.infer<typeof NewClearVersion>;

/** The number a version got, the hash that envelopes and tags will name it by, and where its labels stand. */
export const AcceptedVersion = z
  .strictObject({
    version: Version,
    chash: ContentHash,
    labels: z
      .array(LabelMoveResult)
      .max(PUSHED_TAGS_MAX)
      .describe('What came of each tag, in their order: the label moved, or waits for others.'),
  })
  .meta({ id: 'AcceptedVersion' });
export type AcceptedVersion = z.input<typeof AcceptedVersion>;

/** Who sent a version, by the signature of the request; who wrote it stands inside the content. */
const Author = z.strictObject({ urn: Urn, kid: Kid }).describe('Whose request brought it; who wrote it stands inside.');

const summary = {
  version: Version,
  chash: ContentHash,
  author: Author,
  created_at: Timestamp.describe('When it came.'),
};

export const VersionSummary = z.strictObject(summary).meta({ id: 'VersionSummary' });
export type VersionSummary = z.input<typeof VersionSummary>;

/** A version with its sealed content and the newest grant to a key of the caller, if there is one. */
export const SealedVersion = z
  .strictObject({
    ...summary,
    content: ContentToken,
    grant: GrantToken.nullable().describe('The newest grant to a key of the caller; null without one.'),
  })
  .meta({ id: 'SealedVersion' });
export type SealedVersion = z.input<typeof SealedVersion>;

export const VersionQuery = z.strictObject(pageQuery);
export type VersionQuery = z.infer<typeof VersionQuery>;

/** Versions, the newest first. */
export const VersionPage = page(VersionSummary).meta({ id: 'VersionPage' });
export type VersionPage = z.input<typeof VersionPage>;
