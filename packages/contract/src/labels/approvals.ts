import * as z from 'zod';
import { ApprovalId, ContentHash, DeviceUrn, Label, PromptId, PromptName, Timestamp } from '../ids.js';
import { MovedLabel } from './labels.js';
import { TAGS_MAX } from '../http/limits.js';
import { Count, Sequence, VersionOrNone } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';
import { TagToken } from '../tokens.js';

const ApprovalState = z
  .enum(['open', 'done', 'dropped', 'expired'])
  .meta({ description: 'How the move stands.', example: 'open' });

/** A move of a protected label that needs further signatures, each by another person. */
export const PendingMove = z
  .strictObject({
    approval: ApprovalId,
    label: Label,
    seq: Sequence,
    version: VersionOrNone,
    given: Count.meta({ description: 'How many people have signed.', example: 1 }),
    needed: Count.describe('How many the policy asks for.'),
  })
  .meta({ id: 'PendingMove' });
export type PendingMove = z.input<typeof PendingMove>;

/** What a signed tag came to: the label moved (200), or waits for others (202). */
export const LabelMoveResult = z.union([MovedLabel, PendingMove]).meta({ id: 'LabelMoveResult' });
export type LabelMoveResult = z.input<typeof LabelMoveResult>;

/** A move that waits, or waited, with the tags that were given; they are to be verified like any others. */
export const Approval = z
  .strictObject({
    id: ApprovalId,
    prompt: PromptId,
    name: PromptName,
    label: Label,
    seq: Sequence,
    version: VersionOrNone,
    chash: z
      .union([ContentHash, z.literal('')])
      .describe('The content that the label is to stand for; empty where it is to be deleted.'),
    tags: z.array(TagToken).min(1).max(TAGS_MAX).describe('The tags that were given.'),
    signers: z.array(DeviceUrn).min(1).max(TAGS_MAX).describe('The devices that signed them, in their order.'),
    needed: Count.describe('How many people the policy asks for.'),
    state: ApprovalState,
    created_at: Timestamp.describe('When the first tag came.'),
    expires_at: Timestamp.describe('When the last of the tags ends.'),
  })
  .refine(({ version, chash }) => (version === 0) === (chash === ''), 'must name a content unless it deletes the label')
  .meta({ id: 'Approval' });
export type Approval = z.input<typeof Approval>;

export const ApprovalQuery = z.strictObject({
  state: ApprovalState.default('open'),
  ...pageQuery,
});
export type ApprovalQuery = z.infer<typeof ApprovalQuery>;

/** Moves, the newest first. */
export const ApprovalPage = page(Approval).meta({ id: 'ApprovalPage' });
export type ApprovalPage = z.input<typeof ApprovalPage>;

/** One more tag for a move, by another person, equal to the first in all it says about the label. */
export const NewApprovalTag = z.strictObject({ tag: TagToken }).meta({ id: 'NewApprovalTag' });
export type NewApprovalTag = z.infer<typeof NewApprovalTag>;
