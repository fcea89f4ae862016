import * as z from 'zod';
import { ApprovalId, DeviceUrn, Hash, Label, PromptId, PromptName, Timestamp } from './ids.js';
import { MovedLabel } from './labels.js';
import { TAGS_MAX } from './limits.js';
import { Count, Sequence, VersionOrNone } from './numbers.js';
import { page, pageQuery } from './paging.js';
import { TagToken } from './tokens.js';

/** A move of a protected label that needs further signatures, each by another person. */
export const PendingMove = z
  .strictObject({
    approval: ApprovalId,
    label: Label,
    seq: Sequence,
    version: VersionOrNone,
    /** People whose tags are there, and how many the policy asks for. */
    given: Count,
    needed: Count,
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
    /** Empty where the label is to be deleted. */
    chash: z.union([Hash, z.literal('')]),
    tags: z.array(TagToken).min(1).max(TAGS_MAX),
    signers: z.array(DeviceUrn).min(1).max(TAGS_MAX),
    needed: Count,
    state: z.enum(['open', 'done', 'dropped', 'expired']),
    created_at: Timestamp,
    /** When the last of the tags ends. */
    expires_at: Timestamp,
  })
  .refine(({ version, chash }) => (version === 0) === (chash === ''), 'must name a content unless it deletes the label')
  .meta({ id: 'Approval' });
export type Approval = z.input<typeof Approval>;

export const ApprovalQuery = z.strictObject({
  state: z.enum(['open', 'done', 'dropped', 'expired']).default('open'),
  ...pageQuery,
});
export type ApprovalQuery = z.infer<typeof ApprovalQuery>;

/** Moves, the newest first. */
export const ApprovalPage = page(Approval).meta({ id: 'ApprovalPage' });
export type ApprovalPage = z.input<typeof ApprovalPage>;

/** One more tag for a move, by another person, equal to the first in all it says about the label. */
export const NewApprovalTag = z.strictObject({ tag: TagToken }).meta({ id: 'NewApprovalTag' });
export type NewApprovalTag = z.infer<typeof NewApprovalTag>;
