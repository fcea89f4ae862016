import type { IdPrefix } from '@bulla/crypto/names';
import {
  atOnce,
  GROUP_PATTERN,
  HASH_PATTERN,
  idPattern,
  LABEL_PATTERN,
  NAME_CHARACTERS_MAX,
  NAME_SPELLING,
  ORG_PATTERN,
  PIN_PATTERN,
  urnPattern,
} from '@bulla/crypto/names';
import * as z from 'zod';

/** The part of every example that is made at random. */
const EXAMPLE_SUFFIX = '01k9z3q8e4fxq9m3y7t5w6v8na';
const EXAMPLE_HASH = '0tKs9kAXkiO_nh60PF-_hUxOUP-2czvDqSedP_fem-E';
const EXAMPLE_DEVICE = `urn:bulla:acme:dev:dev_${EXAMPLE_SUFFIX}`;

/** With its prefix the same string in URL, URN, `jti` and column. */
const typeId = (prefix: IdPrefix, description: string) =>
  z
    .string()
    .regex(idPattern(prefix), `must be an id that starts with ${prefix}_`)
    .meta({ description, example: `${prefix}_${EXAMPLE_SUFFIX}` });

/** A prompt; its maker mints the id. */
export const PromptId = typeId('prm', 'Id of a prompt; its maker mints the id.').brand<'PromptId'>();
export type PromptId = z.infer<typeof PromptId>;

/** `jti` of an envelope; the vault mints it. */
export const EnvelopeId = typeId('env', 'Id of an envelope, its jti; the vault mints it.').brand<'EnvelopeId'>();
export type EnvelopeId = z.infer<typeof EnvelopeId>;

/** Work that goes on by itself; the vault mints the id. */
export const JobId = typeId('job', 'Id of a job; the vault mints it.').brand<'JobId'>();
export type JobId = z.infer<typeof JobId>;

/** `jti` of an invocation; the asker mints it. */
export const InvocationId = typeId('inv', 'Id of a question, its jti; the asker mints it.').brand<'InvocationId'>();
export type InvocationId = z.infer<typeof InvocationId>;

/** A ticket into an organisation; the person who invites mints the id. */
export const InvitationId = typeId(
  'ivt',
  'Id of an invitation; the person who invites mints it.',
).brand<'InvitationId'>();
export type InvitationId = z.infer<typeof InvitationId>;

/** A device's request to be let in; the device mints the id. */
export const EnrolmentId = typeId(
  'enr',
  'Id of the request of a device to be let in; the device mints it.',
).brand<'EnrolmentId'>();
export type EnrolmentId = z.infer<typeof EnrolmentId>;

/** A move of a label that waits for further signatures; the vault mints the id. */
export const ApprovalId = typeId(
  'apr',
  'Id of a move of a label that waits for further signatures; the vault mints it.',
).brand<'ApprovalId'>();
export type ApprovalId = z.infer<typeof ApprovalId>;

/** An entry of the audit log; the service that writes it mints the id. */
export const AuditEntryId = typeId(
  'aud',
  'Id of an entry of the audit log; the service mints it.',
).brand<'AuditEntryId'>();
export type AuditEntryId = z.infer<typeof AuditEntryId>;

/** A report of usage; the responder mints the id, so that one that comes twice counts once. */
export const UsageReportId = typeId(
  'usg',
  'Id of a report of usage; the responder mints it, and one that comes twice counts once.',
).brand<'UsageReportId'>();
export type UsageReportId = z.infer<typeof UsageReportId>;

/** Name of a log: the URN of its service, and which of its logs it is. */
export const LogOrigin = z
  .string()
  .regex(
    /^(?:urn:bulla:[a-z0-9:-]{1,200}|bulla\/[0-9a-f]{16}\/[a-z0-9-]{1,63}\/[a-z0-9:-]{1,128})\/audit\/[1-9][0-9]{0,8}$/,
    'must be the origin of a log',
  );

/** X-Request-Id of a request. */
export const RequestId = z.string().regex(/^[!-~]{1,128}$/, 'must be a request id');

/** Short name of an organisation: what stands after `urn:bulla:`. */
export const Organisation = z
  .string()
  .regex(ORG_PATTERN, 'must be 1 to 63 lower-case letters, digits and hyphens')
  .meta({ description: 'Short name of the organisation.', example: 'acme' })
  .brand<'Organisation'>();
export type Organisation = z.infer<typeof Organisation>;

/** Name of a prompt, such as `claims/triage`; fixed for the prompt's life. */
export const PromptName = z
  .string()
  .max(NAME_CHARACTERS_MAX, { error: `must have at most ${NAME_CHARACTERS_MAX} characters`, abort: true })
  .regex(
    NAME_SPELLING,
    'must be lower-case letters, digits, dots, hyphens and underscores, in parts divided by single slashes',
  )
  .meta({ description: 'Name of the prompt, fixed for its life.', example: 'claims/triage' })
  .brand<'PromptName'>();
export type PromptName = z.infer<typeof PromptName>;

/** Name of a label, such as `production`. */
export const Label = z
  .string()
  .regex(LABEL_PATTERN, 'must be 1 to 64 lower-case letters, digits, dots, hyphens and underscores')
  .meta({ description: 'Name of a label.', example: 'production' })
  .brand<'Label'>();
export type Label = z.infer<typeof Label>;

/** URN of a holder of keys: a device, a service, or the organisation's recovery key. */
export const Urn = z
  .string()
  .regex(
    urnPattern('dev', 'svc:vault', 'svc:responder', 'svc:gateway', 'recovery'),
    'must be the URN of a device, a service or a recovery key',
  )
  .meta({ description: 'Who holds a key: a device, a service, or the recovery key.', example: EXAMPLE_DEVICE })
  .brand<'Urn'>();
export type Urn = z.infer<typeof Urn>;

/** URN of a responder: who an envelope is for. */
export const ResponderUrn = z
  .string()
  .regex(urnPattern('svc:responder'), 'must be the URN of a responder')
  .meta({ description: 'The responder.', example: 'urn:bulla:acme:svc:responder:eu1' })
  .brand<'Urn'>();

/** URN of who asks a responder: a device, or a gateway on behalf of others. */
export const AskerUrn = z
  .string()
  .regex(urnPattern('dev', 'svc:gateway'), 'must be the URN of a device or a gateway')
  .meta({ description: 'Who asked: a device, or a gateway.', example: EXAMPLE_DEVICE })
  .brand<'Urn'>();

/** URN of a device. */
export const DeviceUrn = z
  .string()
  .regex(urnPattern('dev'), 'must be the URN of a device')
  .meta({ description: 'The device.', example: EXAMPLE_DEVICE })
  .brand<'Urn'>();

/** A prompt as signed tokens name it. */
export const PromptUrn = z
  .string()
  .regex(urnPattern('prompt'), 'must be the URN of a prompt')
  .meta({
    description: 'The prompt, as signed tokens name it.',
    example: `urn:bulla:acme:prompt:prm_${EXAMPLE_SUFFIX}`,
  });
export type PromptUrn = z.infer<typeof PromptUrn>;

/** URN of a person: a random id, so that no name stands in a signed document. */
export const UserUrn = z
  .string()
  .regex(urnPattern('user'), 'must be the URN of a person')
  .meta({ description: 'The person, by a random id.', example: `urn:bulla:acme:user:usr_${EXAMPLE_SUFFIX}` })
  .brand<'UserUrn'>();

/** No URN is longer: the audit log says some, and its entries have a limit. */
const URN_CHARACTERS_MAX = 160;

/** URN of who is behind a key: the person of a device, or the service. */
export const PosterUrn = z
  .string()
  .max(URN_CHARACTERS_MAX, { error: `must have at most ${URN_CHARACTERS_MAX} characters`, abort: true })
  .regex(urnPattern('user', 'svc:vault', 'svc:responder', 'svc:gateway'), 'must be the URN of a person or a service')
  .meta({ description: 'The person, or the service.', example: `urn:bulla:acme:user:usr_${EXAMPLE_SUFFIX}` })
  .brand<'PosterUrn'>();
export type PosterUrn = z.infer<typeof PosterUrn>;

/** Name of a group, as policy and directory spell it. */
export const Group = z
  .string()
  .regex(GROUP_PATTERN, 'must be grp: and lower-case letters, digits, dots, hyphens and underscores')
  .meta({ description: 'A group, as policy and directory spell it.', example: 'grp:authors' });

/** Name of a key: its RFC 7638 SHA-256 thumbprint. */
export const Kid = z
  .string()
  .regex(HASH_PATTERN, 'must be the thumbprint of a key')
  .meta({
    description: 'Name of a key: its RFC 7638 SHA-256 thumbprint.',
    example: 'TK5iuX6KOFSWrnDzyfSeZkiBJe_d_NqC28_t4UYVRqQ',
  })
  .brand<'Kid'>();
export type Kid = z.infer<typeof Kid>;

/** SHA-256 in base64url, of a token's characters (`chash`, `whash`) or of evidence. */
export const Hash = z
  .string()
  .regex(HASH_PATTERN, 'must be a SHA-256 hash in base64url')
  .meta({ description: 'A SHA-256 in base64url.', example: EXAMPLE_HASH })
  .brand<'Hash'>();
/** `chash`: by it envelopes and tags name the content of a version. */
export const ContentHash = Hash.describe('chash: SHA-256 of the sealed content, by which envelopes and tags name it.');
export type Hash = z.infer<typeof Hash>;

/** SHA-256 of the payload of an organisation's first root, given out of band. */
export const Pin = z
  .string()
  .regex(PIN_PATTERN, 'must be sha256: and 64 hexadecimal digits')
  .meta({
    description: 'SHA-256 of the first root, by which everybody knows the organisation.',
    example: 'sha256:c104dfe5bae60bd63ae346ac1433652e16d4170663860f837c9a4dadf75ce533',
  })
  .brand<'Pin'>();
export type Pin = z.infer<typeof Pin>;

/** A moment, RFC 3339 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const Timestamp = z.iso
  .datetime({ precision: 3 })
  .meta({ description: 'A moment, RFC 3339 in UTC.', example: '2026-11-28T09:30:00.000Z' });

// Of these every request has some, and every entry of a log.
for (const schema of [PromptId, EnvelopeId, InvocationId, PromptName, Label, ResponderUrn, Kid, Hash, ContentHash])
  atOnce(schema);
