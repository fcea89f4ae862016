import * as z from 'zod';
import { base64urlText } from '../alphabet.js';
import { Hash, Organisation, Pin } from '../ids.js';
import {
  DIRECTORY_HASHES_PAGE,
  DOCUMENT_CHARACTERS_MAX,
  EARLIER_DIRECTORIES_MAX,
  FRESH_MAX,
  ROOTS_MAX,
} from '../http/limits.js';
import { decimal, FormatVersion, Version } from '../numbers.js';
import { DocumentToken, FreshToken } from '../tokens.js';

/** The first documents of an organisation; they verify each other. */
export const NewOrganisation = z
  .strictObject({
    root: DocumentToken,
    roots: z
      .array(DocumentToken)
      .max(ROOTS_MAX)
      .default([])
      .describe('Later roots, in order; left out if there are none.'),
    policy: DocumentToken,
    directory: DocumentToken,
    hashes: z
      .array(Hash)
      .max(EARLIER_DIRECTORIES_MAX)
      .default([])
      .describe(
        'Of the directories before this one, from version 1 on: their chain ends at it. Left out if it is the first.',
      ),
  })
  .meta({ id: 'NewOrganisation' });
export type NewOrganisation = z.infer<typeof NewOrganisation>;

/** An organisation as the vault took it in, with the pin that clients compare. */
export const AcceptedOrganisation = z
  .strictObject({ org: Organisation, pin: Pin })
  .meta({ id: 'AcceptedOrganisation' });
export type AcceptedOrganisation = z.input<typeof AcceptedOrganisation>;

/** A root takes effect with what is signed under it, all three or none. */
export const NewRoot = z
  .strictObject({
    root: DocumentToken,
    policy: DocumentToken.describe('The next policy, signed under this root.'),
    directory: DocumentToken.describe('The next directory, signed under this root, which names that policy.'),
  })
  .meta({ id: 'NewRoot' });
export type NewRoot = z.infer<typeof NewRoot>;

export const NewPolicy = z.strictObject({ policy: DocumentToken }).meta({ id: 'NewPolicy' });
export type NewPolicy = z.infer<typeof NewPolicy>;

export const NewDirectory = z.strictObject({ directory: DocumentToken }).meta({ id: 'NewDirectory' });
export type NewDirectory = z.infer<typeof NewDirectory>;

/** The version of a document that was taken in. */
export const AcceptedDocument = z
  .strictObject({ version: Version.describe('The version of the document.') })
  .meta({ id: 'AcceptedDocument' });
export type AcceptedDocument = z.input<typeof AcceptedDocument>;

/** Root, policy or directory as it was signed (General JSON JWS, RFC 7515 §7.2.1). */
export const SignedDocument = z
  .strictObject({
    payload: base64urlText(DOCUMENT_CHARACTERS_MAX).meta({
      description: 'What is signed, in base64url.',
      example: 'eyJfdHlwZSI6ImJ1bGxhLXJvb3QifQ',
    }),
    signatures: z
      .array(
        z.strictObject({
          protected: base64urlText(512).meta({
            description: 'The header that is signed, in base64url.',
            example: 'eyJhbGciOiJFZDI1NTE5In0',
          }),
          signature: base64urlText(683).meta({ description: 'The signature, in base64url.', example: 'c2lnbmF0dXJl' }),
        }),
      )
      .min(1)
      .max(16)
      .describe('As many as the root asks for, or more.'),
  })
  .meta({ id: 'SignedDocument' });
export type SignedDocument = z.infer<typeof SignedDocument>;

export const DirectoryHashesQuery = z.strictObject({
  from: decimal(Version).meta({ description: 'The first version that is asked for.', example: 1 }),
});
export type DirectoryHashesQuery = z.infer<typeof DirectoryHashesQuery>;

/** SHA-256 of the payloads of directories, one version after the other: what `chain` is folded from. */
export const DirectoryHashPage = z
  .strictObject({ v: FormatVersion, hashes: z.array(Hash).max(DIRECTORY_HASHES_PAGE).describe('In order.') })
  .meta({ id: 'DirectoryHashPage' });
export type DirectoryHashPage = z.input<typeof DirectoryHashPage>;

/** A renewer's word that the newest directory is the newest. */
export const NewDirectoryFreshness = z.strictObject({ fresh: FreshToken }).meta({ id: 'NewDirectoryFreshness' });
export type NewDirectoryFreshness = z.infer<typeof NewDirectoryFreshness>;

/** What renewers say of the newest directory, the newest word of each. */
export const DirectoryFreshness = z
  .strictObject({ v: FormatVersion, fresh: z.array(FreshToken).max(FRESH_MAX).describe('One of each renewer.') })
  .meta({ id: 'DirectoryFreshness' });
export type DirectoryFreshness = z.input<typeof DirectoryFreshness>;
