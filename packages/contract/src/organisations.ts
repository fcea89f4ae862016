import * as z from 'zod';
import { base64urlText } from './alphabet.js';
import { Hash, Organisation, Pin } from './ids.js';
import { DIRECTORY_HASHES_PAGE, DOCUMENT_CHARACTERS_MAX, EARLIER_DIRECTORIES_MAX, FRESH_MAX } from './limits.js';
import { decimal, Version } from './numbers.js';
import { DocumentToken, FreshToken } from './tokens.js';

/** The first documents of an organisation; they verify each other. */
export const NewOrganisation = z
  .strictObject({
    root: DocumentToken,
    policy: DocumentToken,
    directory: DocumentToken,
    /** Of the directories before this one, from version 1 on: their chain ends at it. Left out if it is the first. */
    hashes: z.array(Hash).max(EARLIER_DIRECTORIES_MAX).default([]),
  })
  .meta({ id: 'NewOrganisation' });
export type NewOrganisation = z.infer<typeof NewOrganisation>;

/** An organisation as the vault took it in, with the pin that clients compare. */
export const AcceptedOrganisation = z
  .strictObject({ org: Organisation, pin: Pin })
  .meta({ id: 'AcceptedOrganisation' });
export type AcceptedOrganisation = z.input<typeof AcceptedOrganisation>;

export const NewRoot = z.strictObject({ root: DocumentToken }).meta({ id: 'NewRoot' });
export type NewRoot = z.infer<typeof NewRoot>;

export const NewPolicy = z.strictObject({ policy: DocumentToken }).meta({ id: 'NewPolicy' });
export type NewPolicy = z.infer<typeof NewPolicy>;

export const NewDirectory = z.strictObject({ directory: DocumentToken }).meta({ id: 'NewDirectory' });
export type NewDirectory = z.infer<typeof NewDirectory>;

/** The version of a document that was taken in. */
export const AcceptedDocument = z.strictObject({ version: Version }).meta({ id: 'AcceptedDocument' });
export type AcceptedDocument = z.input<typeof AcceptedDocument>;

/** Root, policy or directory as it was signed (General JSON JWS, RFC 7515 §7.2.1). */
export const SignedDocument = z
  .strictObject({
    payload: base64urlText(DOCUMENT_CHARACTERS_MAX),
    signatures: z
      .array(z.strictObject({ protected: base64urlText(512), signature: base64urlText(683) }))
      .min(1)
      .max(16),
  })
  .meta({ id: 'SignedDocument' });
export type SignedDocument = z.infer<typeof SignedDocument>;

export const DirectoryHashesQuery = z.strictObject({ from: decimal(Version) });
export type DirectoryHashesQuery = z.infer<typeof DirectoryHashesQuery>;

/** SHA-256 of the payloads of directories, one version after the other: what `chain` is folded from. */
export const DirectoryHashPage = z
  .strictObject({ v: z.literal(1), hashes: z.array(Hash).max(DIRECTORY_HASHES_PAGE) })
  .meta({ id: 'DirectoryHashPage' });
export type DirectoryHashPage = z.input<typeof DirectoryHashPage>;

/** A renewer's word that the newest directory is the newest. */
export const NewDirectoryFreshness = z.strictObject({ fresh: FreshToken }).meta({ id: 'NewDirectoryFreshness' });
export type NewDirectoryFreshness = z.infer<typeof NewDirectoryFreshness>;

/** What renewers say of the newest directory, the newest word of each. */
export const DirectoryFreshness = z
  .strictObject({ v: z.literal(1), fresh: z.array(FreshToken).max(FRESH_MAX) })
  .meta({ id: 'DirectoryFreshness' });
export type DirectoryFreshness = z.input<typeof DirectoryFreshness>;
