import * as z from 'zod';
import { Hash, Kid, PosterUrn, PromptId, Timestamp, Urn } from '../ids.js';
import { GRANTS_MAX } from '../http/limits.js';
import type { ProblemCode } from '../http/problem-record.js';
import { Count, decimal, Version } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';
import { GrantToken, TokenPart } from '../tokens.js';

/** Seconds; the year 9999. */
const SECONDS_MAX = 253_402_300_799;
const whash = Hash.describe('whash: SHA-256 of the grant, by which an envelope names it.');

export const NewGrants = z
  .strictObject({ grants: z.array(GrantToken).min(1).max(GRANTS_MAX).describe('One for each key and version.') })
  .meta({ id: 'NewGrants' });
export type NewGrants = z.infer<typeof NewGrants>;

/** How many grants were new; a grant that a key already has is never replaced. */
export const AcceptedGrants = z
  .strictObject({ added: Count.describe('How many were new.') })
  .meta({ id: 'AcceptedGrants' });
export type AcceptedGrants = z.input<typeof AcceptedGrants>;

/** That a key holds a grant, without the grant. */
export const GrantSummary = z
  .strictObject({ whash, version: Version, kid: Kid, aud: Urn.describe('Whose key that is.') })
  .meta({ id: 'GrantSummary' });
export type GrantSummary = z.input<typeof GrantSummary>;

export const GrantQuery = z.strictObject({
  version: decimal(Version).meta({ description: 'Only grants of this version.', example: 3 }).optional(),
  ...pageQuery,
});
export type GrantQuery = z.infer<typeof GrantQuery>;

/** Why a grant goes; nothing said is as good. */
export const GrantDeletion = z.strictObject({
  because: z.enum(['unfit']).optional().meta({
    description:
      '`unfit` where its recipient found that it does not give the key to which the content commits: its poster can give this key this version no more until an admin clears it.',
    example: 'unfit',
  }),
});
export type GrantDeletion = z.infer<typeof GrantDeletion>;

/** A grant that its recipient took back as unfit. */
export const UnfitGrant = z
  .strictObject({
    whash,
    prompt: PromptId,
    version: Version,
    kid: Kid,
    aud: Urn.describe('Whose key that is: they said that it is unfit.'),
    poster: Kid.describe('With which key it was posted.'),
    by: PosterUrn.describe(
      'Who posted it: the person of that device, or the service. They can give this key this version no more.',
    ),
    again: z
      .boolean()
      .meta({ description: 'Whether the key has another grant of this version by now.', example: true }),
    reported_at: Timestamp.describe('When its recipient said so.'),
  })
  .meta({ id: 'UnfitGrant' });
export type UnfitGrant = z.input<typeof UnfitGrant>;

export const UnfitGrantQuery = z.strictObject(pageQuery);
export type UnfitGrantQuery = z.infer<typeof UnfitGrantQuery>;

/** Whose: several may have posted the same bytes. */
export const UnfitGrantClearing = z.strictObject({
  by: PosterUrn.describe('Who posted it, as the list says under `by`: they can give that key that version again.'),
});
export type UnfitGrantClearing = z.infer<typeof UnfitGrantClearing>;

export const UnfitGrantPage = page(UnfitGrant).meta({ id: 'UnfitGrantPage' });
export type UnfitGrantPage = z.input<typeof UnfitGrantPage>;

/** A grant of a responder that it has tried. */
export const TriedGrant = z
  .strictObject({
    whash,
    fit: z.boolean().meta({ description: 'Whether it gave the key to which its content commits.', example: true }),
  })
  .meta({ id: 'TriedGrant' });
export type TriedGrant = z.input<typeof TriedGrant>;

export const TriedGrantQuery = z.strictObject({ kid: Kid, ...pageQuery });
export type TriedGrantQuery = z.infer<typeof TriedGrantQuery>;

export const TriedGrantPage = page(TriedGrant).meta({ id: 'TriedGrantPage' });
export type TriedGrantPage = z.input<typeof TriedGrantPage>;

export const GrantPage = page(GrantSummary).meta({ id: 'GrantPage' });
export type GrantPage = z.input<typeof GrantPage>;

/** Why a grant of those that were moved together is not stored. */
export const UNMOVED = [
  'content_uncommitted',
  'envelope_tampered',
  'envelope_revoked',
  'forbidden',
  'key_revoked',
  'key_unknown',
  'not_found',
  'validation_failed',
] as const satisfies readonly ProblemCode[];

/** What became of one grant of those that were moved together: each is judged by itself. */
export const MovedGrant = z
  .strictObject({
    whash,
    outcome: z.enum(['added', 'present', ...UNMOVED]).meta({
      description: '`present` where the key had a grant of this version already; else the problem with this one.',
      example: 'added',
    }),
  })
  .meta({ id: 'MovedGrant' });
export type MovedGrant = z.input<typeof MovedGrant>;

export const MovedGrants = z
  .strictObject({ results: z.array(MovedGrant).max(GRANTS_MAX).describe('One for each grant, in their order.') })
  .meta({ id: 'MovedGrants' });
export type MovedGrants = z.input<typeof MovedGrants>;

/** A grant sealed to a key of the caller, wherever it belongs. */
export const OwnGrant = z
  .strictObject({
    prompt: PromptId,
    version: Version,
    kid: Kid,
    whash,
    poster: Kid.describe('With which key it was posted.'),
    header: TokenPart.describe('The protected header of the content that it is for: what the grant must agree with.'),
    grant: GrantToken,
  })
  .meta({ id: 'OwnGrant' });
export type OwnGrant = z.input<typeof OwnGrant>;

export const OwnGrantQuery = z.strictObject({
  kid: Kid,
  without: Kid.meta({ description: 'Only of versions of which this key, of the caller too, has no grant.' }).optional(),
  by: z.enum(['others']).optional().meta({ description: 'Only those that somebody else posted.', example: 'others' }),
  since: decimal(z.int().min(0).max(SECONDS_MAX)).optional().meta({
    description: 'Only those that came in this second, by the clock of the vault, or later.',
    example: 1_795_560_000,
  }),
  ...pageQuery,
});
export type OwnGrantQuery = z.infer<typeof OwnGrantQuery>;

export const OwnGrantPage = page(OwnGrant).meta({ id: 'OwnGrantPage' });
export type OwnGrantPage = z.input<typeof OwnGrantPage>;
