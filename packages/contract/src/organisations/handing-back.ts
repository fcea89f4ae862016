import * as z from 'zod';
import { Hash, Label, PromptName, Timestamp } from '../ids.js';
import { LabelTuple } from '../labels/labels.js';
import { EARLIER_DIRECTORIES_MAX, FRESH_MAX, MOVES_MAX, ROOTS_MAX, TAGS_MAX } from '../http/limits.js';
import { FormatVersion, Sequence, Version } from '../numbers.js';
import { DocumentToken, FreshToken, TagToken } from '../tokens.js';

/** Whether the vault was restored, and since when it waits for an admin. */
export const RestoredVault = z
  .strictObject({
    v: FormatVersion,
    restored: z.union([Timestamp, z.null()]).describe('Since when it waits; null where it was not restored.'),
  })
  .meta({ id: 'RestoredVault' });
export type RestoredVault = z.input<typeof RestoredVault>;

/** That a restored vault goes on from what it has now. */
export const ResumedVault = z
  .strictObject({
    directory: Version.describe('Version of the newest directory that it has, as the person who decides has seen it.'),
  })
  .meta({ id: 'ResumedVault' });
export type ResumedVault = z.infer<typeof ResumedVault>;

/** What a restored vault has lost of an organisation's documents. Their signatures decide, no matter who sends them. */
export const LostDocuments = z
  .strictObject({
    roots: z.array(DocumentToken).min(1).max(ROOTS_MAX).describe('All roots, the first included.'),
    /** The one that the directory names. */
    policy: DocumentToken,
    directory: DocumentToken,
    from: Version.describe('Version of the first hash: that of the newest directory of the vault.'),
    hashes: z
      .array(Hash)
      .max(EARLIER_DIRECTORIES_MAX)
      .describe('Of the directories from there on, up to the one before this.'),
    fresh: z.array(FreshToken).max(FRESH_MAX).default([]).describe('What renewers said of the directory.'),
  })
  .meta({ id: 'LostDocuments' });
export type LostDocuments = z.infer<typeof LostDocuments>;

/** Moves of a label that a restored vault has lost. */
export const LostMoves = z
  .strictObject({
    name: PromptName,
    label: Label,
    moves: z
      .array(LabelTuple)
      .min(1)
      .max(MOVES_MAX)
      .describe(
        'The last ones, in order: from the position at which the label of the vault stands, or from before it.',
      ),
    tags: z.array(TagToken).min(1).max(TAGS_MAX).describe('Of the last position; they may have expired.'),
  })
  .meta({ id: 'LostMoves' });
export type LostMoves = z.infer<typeof LostMoves>;

/** Where the label stands then, and how many moves were lost. */
export const TakenMoves = z
  .strictObject({
    seq: Sequence,
    taken: z.int().min(0).max(MOVES_MAX).meta({ description: 'How many moves were lost.', example: 2 }),
  })
  .meta({ id: 'TakenMoves' });
export type TakenMoves = z.input<typeof TakenMoves>;
