import * as z from 'zod';
import { Hash, Kid, PromptId, Urn } from '../ids.js';
import { GRANTS_MAX } from '../http/limits.js';
import { Count, decimal, Version } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';
import { GrantToken } from '../tokens.js';

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

export const GrantPage = page(GrantSummary).meta({ id: 'GrantPage' });
export type GrantPage = z.input<typeof GrantPage>;

/** A grant sealed to a key of the caller, wherever it belongs. */
export const OwnGrant = z
  .strictObject({ prompt: PromptId, version: Version, kid: Kid, whash, grant: GrantToken })
  .meta({ id: 'OwnGrant' });
export type OwnGrant = z.input<typeof OwnGrant>;

export const OwnGrantQuery = z.strictObject({ kid: Kid, ...pageQuery });
export type OwnGrantQuery = z.infer<typeof OwnGrantQuery>;

export const OwnGrantPage = page(OwnGrant).meta({ id: 'OwnGrantPage' });
export type OwnGrantPage = z.input<typeof OwnGrantPage>;
