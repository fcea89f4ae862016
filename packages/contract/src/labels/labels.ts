import * as z from 'zod';
import { ContentHash, Hash, Label, PromptId, PromptName, PromptUrn } from '../ids.js';
import { FRESH_MAX, FRESH_POSTED_MAX, LABELS_MAX, TAGS_MAX } from '../http/limits.js';
import { decimal, Sequence, VersionOrNone } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';
import { FreshToken, TagToken } from '../tokens.js';

const tags = z.array(TagToken).min(1).max(TAGS_MAX).describe('Equal tags, each by another person.');
/** Also where the tags say it themselves: a confirmation needs one. */
const fresh = z
  .array(FreshToken)
  .max(FRESH_MAX)
  .default([])
  .describe('What renewers say of this position, the newest word of each.');

/** The next position of a label: as many equal tags by different people as the policy asks for. */
export const LabelMove = z.strictObject({ tags }).meta({ id: 'LabelMove' });
export type LabelMove = z.infer<typeof LabelMove>;

/** Where a label stands after a move; version 0 means that it is deleted. */
export const MovedLabel = z
  .strictObject({ label: Label, seq: Sequence, version: VersionOrNone })
  .meta({ id: 'MovedLabel' });
export type MovedLabel = z.input<typeof MovedLabel>;

/** A label and the tags that prove its position; version 0 if they say that it is deleted. */
export const LabelPosition = z
  .strictObject({ label: Label, version: VersionOrNone, seq: Sequence, tags, fresh })
  .meta({ id: 'LabelPosition' });
export type LabelPosition = z.input<typeof LabelPosition>;

export const LabelHistoryQuery = z.strictObject(pageQuery);
export type LabelHistoryQuery = z.infer<typeof LabelHistoryQuery>;

/** Every position that a label had under the name of a prompt, the newest first; the tags of old ones may have expired. */
export const LabelHistory = page(LabelPosition).meta({ id: 'LabelHistory' });
export type LabelHistory = z.input<typeof LabelHistory>;

/** One more tag for the position at which a label stands: it lasts longer, and points where it did. */
export const NewLabelTag = z.strictObject({ tag: TagToken }).meta({ id: 'NewLabelTag' });
export type NewLabelTag = z.infer<typeof NewLabelTag>;

/** One move of a label as its chain has it: where it led, and `pos` of the position before, empty at a beginning. */
export const LabelTuple = z
  .strictObject({
    sub: PromptUrn.describe('The prompt that bore the name then.'),
    ver: VersionOrNone.describe('The version; 0, with an empty chash, where the label was deleted.'),
    chash: z.union([ContentHash, z.literal('')]).describe('The content of the version; empty for a deleted label.'),
    prev: z.union([Hash, z.literal('')]).describe('pos of the position before; empty at a beginning.'),
  })
  .refine(({ ver, chash }) => (ver === 0) === (chash === ''), 'must name a content unless it deletes the label')
  .meta({ id: 'LabelTuple' });
export type LabelTuple = z.input<typeof LabelTuple>;

/** The moves after position `from` are asked for. */
export const LabelChainQuery = z.strictObject({
  from: decimal(VersionOrNone)
    .default(0)
    .meta({ description: 'The position after which moves are asked for; 0 for all.', example: 0 }),
  ...pageQuery,
});
export type LabelChainQuery = z.infer<typeof LabelChainQuery>;

/** The moves of a label under the name of a prompt, whatever its id was, in their order. Their tags are not needed: `prev` binds them. */
export const LabelChain = page(LabelTuple).meta({ id: 'LabelChain' });
export type LabelChain = z.input<typeof LabelChain>;

/** Where a label of the organisation stands, deleted ones included, for a renewer to judge. */
export const StandingLabel = z
  .strictObject({
    name: PromptName,
    label: Label,
    prompt: PromptId.describe('The prompt that bears, or bore, the label.'),
    version: VersionOrNone,
    seq: Sequence,
    tags,
    fresh,
  })
  .meta({ id: 'StandingLabel' });
export type StandingLabel = z.input<typeof StandingLabel>;

export const StandingLabelQuery = z.strictObject(pageQuery);
export type StandingLabelQuery = z.infer<typeof StandingLabelQuery>;

/** Every label of the organisation, by name and label. */
export const StandingLabelPage = page(StandingLabel).meta({ id: 'StandingLabelPage' });
export type StandingLabelPage = z.input<typeof StandingLabelPage>;

/** Words of a renewer for positions. */
export const NewLabelFreshness = z
  .strictObject({ fresh: z.array(FreshToken).min(1).max(FRESH_POSTED_MAX).describe('One for each position.') })
  .meta({ id: 'NewLabelFreshness' });
export type NewLabelFreshness = z.infer<typeof NewLabelFreshness>;

/** How many were for the position at which their label stands; the others came too late and were left aside. */
export const AcceptedFreshness = z
  .strictObject({
    taken: z
      .int()
      .min(0)
      .max(FRESH_POSTED_MAX)
      .meta({ description: 'How many were for where their label stands; the others came too late.', example: 12 }),
  })
  .meta({ id: 'AcceptedFreshness' });
export type AcceptedFreshness = z.input<typeof AcceptedFreshness>;

/** All labels that a prompt bears now. */
export const LabelList = z
  .strictObject({ data: z.array(LabelPosition).max(LABELS_MAX).describe('The labels.') })
  .meta({ id: 'LabelList' });
export type LabelList = z.input<typeof LabelList>;
