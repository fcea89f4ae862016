import * as z from 'zod';

const ORGANISATION = '[a-z0-9][a-z0-9-]{0,62}';
const SERVICE = '[a-z0-9][a-z0-9-]{0,62}';
/** TypeID: a UUIDv7 as 26 Crockford characters; with its prefix the same string in URL, URN, `jti` and column. */
const SUFFIX = '[0-7][0-9a-hjkmnp-tv-z]{25}';
const SHA256 = /^[A-Za-z0-9_-]{43}$/;

const typeId = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_${SUFFIX}$`), `must be an id that starts with ${prefix}_`);

/** A prompt; whoever makes it mints the id. */
export const PromptId = typeId('prm').brand<'PromptId'>();
export type PromptId = z.infer<typeof PromptId>;

/** `jti` of an envelope; the vault mints it. */
export const EnvelopeId = typeId('env').brand<'EnvelopeId'>();
export type EnvelopeId = z.infer<typeof EnvelopeId>;

/** `jti` of an invocation; the asker mints it. */
export const InvocationId = typeId('inv').brand<'InvocationId'>();
export type InvocationId = z.infer<typeof InvocationId>;

/** A ticket into an organisation; whoever invites mints the id. */
export const InvitationId = typeId('ivt').brand<'InvitationId'>();
export type InvitationId = z.infer<typeof InvitationId>;

/** A device's request to be let in; the device mints the id. */
export const EnrolmentId = typeId('enr').brand<'EnrolmentId'>();
export type EnrolmentId = z.infer<typeof EnrolmentId>;

/** A move of a label that waits for further signatures; the vault mints the id. */
export const ApprovalId = typeId('apr').brand<'ApprovalId'>();
export type ApprovalId = z.infer<typeof ApprovalId>;

/** Short name of an organisation: what stands after `urn:bulla:`. */
export const Organisation = z
  .string()
  .regex(new RegExp(`^${ORGANISATION}$`), 'must be 1 to 63 lower-case letters, digits and hyphens')
  .brand<'Organisation'>();
export type Organisation = z.infer<typeof Organisation>;

/** Name of a prompt, such as `claims/triage`; fixed for the prompt's life. */
export const PromptName = z
  .string()
  .max(128, { error: 'must have at most 128 characters', abort: true })
  .regex(
    /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/,
    'must be lower-case letters, digits, dots, hyphens and underscores, in parts divided by single slashes',
  )
  .brand<'PromptName'>();
export type PromptName = z.infer<typeof PromptName>;

/** Name of a label, such as `production`. */
export const Label = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits, dots, hyphens and underscores')
  .brand<'Label'>();
export type Label = z.infer<typeof Label>;

/** URN of whoever may hold a key: a device, a service, or the organisation's recovery key. */
export const Urn = z
  .string()
  .regex(
    new RegExp(
      `^urn:bulla:${ORGANISATION}:(?:dev:dev_${SUFFIX}|svc:(?:vault|(?:responder|gateway):${SERVICE})|recovery)$`,
    ),
    'must be the URN of a device, a service or a recovery key',
  )
  .brand<'Urn'>();
export type Urn = z.infer<typeof Urn>;

/** URN of a responder: who an envelope is for. */
export const ResponderUrn = z
  .string()
  .regex(new RegExp(`^urn:bulla:${ORGANISATION}:svc:responder:${SERVICE}$`), 'must be the URN of a responder')
  .brand<'Urn'>();

/** URN of a device. */
export const DeviceUrn = z
  .string()
  .regex(new RegExp(`^urn:bulla:${ORGANISATION}:dev:dev_${SUFFIX}$`), 'must be the URN of a device')
  .brand<'Urn'>();

/** A prompt as signed tokens name it. */
export const PromptUrn = z
  .string()
  .regex(new RegExp(`^urn:bulla:${ORGANISATION}:prompt:prm_${SUFFIX}$`), 'must be the URN of a prompt');
export type PromptUrn = z.infer<typeof PromptUrn>;

/** URN of a person: a random id, so that no name stands in a signed document. */
export const UserUrn = z
  .string()
  .regex(new RegExp(`^urn:bulla:${ORGANISATION}:user:usr_${SUFFIX}$`), 'must be the URN of a person')
  .brand<'UserUrn'>();

/** Name of a group, as policy and directory spell it. */
export const Group = z
  .string()
  .regex(
    /^grp:[a-z0-9][a-z0-9._-]{0,63}$/,
    'must be grp: and lower-case letters, digits, dots, hyphens and underscores',
  );

/** Name of a key: its RFC 7638 SHA-256 thumbprint. */
export const Kid = z.string().regex(SHA256, 'must be the thumbprint of a key').brand<'Kid'>();
export type Kid = z.infer<typeof Kid>;

/** SHA-256 in base64url, of a token's characters (`chash`, `whash`) or of evidence. */
export const Hash = z.string().regex(SHA256, 'must be a SHA-256 hash in base64url').brand<'Hash'>();
export type Hash = z.infer<typeof Hash>;

/** SHA-256 of the payload of an organisation's first root, given out of band. */
export const Pin = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits')
  .brand<'Pin'>();
export type Pin = z.infer<typeof Pin>;

/** A moment, RFC 3339 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const Timestamp = z.iso.datetime({ precision: 3 });
