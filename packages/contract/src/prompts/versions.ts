import * as z from 'zod';
import { ContentHash, Kid, Timestamp, Urn } from '../ids.js';
import { GRANTS_MAX } from '../http/limits.js';
import { Version } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';
import { ContentToken, GrantToken } from '../tokens.js';

/** A sealed version, with a grant for everybody who is to open it; the first is the author's own. */
export const NewVersion = z
  .strictObject({
    content: ContentToken,
    grants: z
      .array(GrantToken)
      .min(1)
      .max(GRANTS_MAX)
      .describe('One for each key that is to open it; the first is to a key of the author.'),
  })
  .meta({ id: 'NewVersion' });
export type NewVersion = z.infer<typeof NewVersion>;

/** The number a version got, and the hash that envelopes and tags will name it by. */
export const AcceptedVersion = z.strictObject({ version: Version, chash: ContentHash }).meta({ id: 'AcceptedVersion' });
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
