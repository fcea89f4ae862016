import * as z from 'zod';
import { base64urlText, textOf } from '../alphabet.js';
import { DeviceUrn, EnrolmentId, Group, Hash, InvitationId, Kid, Timestamp, UserUrn } from '../ids.js';
import { GROUPS_MAX } from '../http/limits.js';
import { Version } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';

/** What people call a device, such as `laptop`. It helps the approver, and stays out of signed documents. */
export const DeviceLabel = textOf(
  'A-Za-z0-9 ._-',
  64,
  'must be letters, digits, spaces, dots, hyphens and underscores',
).meta({ description: 'What people call the device; it stands in no signed document.', example: 'laptop' });

/** What a device may be trusted with. */
export const DeviceRole = z
  .enum(['owner', 'admin', 'author', 'invoker', 'auditor', 'renewer'])
  .meta({ description: 'What a device may do.', example: 'author' });
export type DeviceRole = z.infer<typeof DeviceRole>;

/** What an invitation offers to the person who takes it. The vault keeps it; the approver uses their own record. */
const offer = {
  roles: z.array(DeviceRole).min(1).max(5).describe('What the device will be trusted with.'),
  groups: z.array(Group).max(GROUPS_MAX).describe('The groups that it will be in.'),
  user: UserUrn,
  label: DeviceLabel,
};

/** A ticket for one device. The secret stays with those two; the vault gets a hash of what the device will show. */
export const NewInvitation = z
  .strictObject({
    id: InvitationId,
    ticket_sha256: Hash.describe('SHA-256 of what the device will show.'),
    ...offer,
    expires_at: Timestamp,
  })
  .meta({ id: 'NewInvitation' });
export type NewInvitation = z.infer<typeof NewInvitation>;

export const Invitation = z
  .strictObject({
    id: InvitationId,
    ...offer,
    state: z.enum(['open', 'taken', 'expired']).meta({ description: 'How it stands.', example: 'open' }),
    created_at: Timestamp,
    expires_at: Timestamp,
  })
  .meta({ id: 'Invitation' });
export type Invitation = z.input<typeof Invitation>;

export const InvitationQuery = z.strictObject(pageQuery);
export type InvitationQuery = z.infer<typeof InvitationQuery>;

/** Invitations, the newest first. */
export const InvitationPage = page(Invitation).meta({ id: 'InvitationPage' });
export type InvitationPage = z.input<typeof InvitationPage>;

/** A public key in JWK form (RFC 7517); whether it is a good one, the suite of its algorithm decides. */
const coordinate = base64urlText(43).meta({
  description: 'A coordinate of the public point, in base64url.',
  example: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
});
const kty = <Kind extends string>(kind: Kind) =>
  z.literal(kind).meta({ description: 'The kind of key.', example: kind });
const crv = <Curve extends string>(curve: Curve) =>
  z.literal(curve).meta({ description: 'The curve.', example: curve });
/** A public key on P-256. */
export const P256Jwk = z.strictObject({ kty: kty('EC'), crv: crv('P-256'), x: coordinate, y: coordinate });
const PublicJwk = z
  .discriminatedUnion('kty', [
    z.strictObject({ kty: kty('OKP'), crv: crv('Ed25519'), x: coordinate }),
    P256Jwk,
    z.strictObject({
      kty: kty('RSA'),
      n: base64urlText(683).meta({
        description: 'The modulus, in base64url. Shortened here.',
        example: '0vx7agoebGcQ',
      }),
      e: base64urlText(8).meta({ description: 'The exponent, in base64url.', example: 'AQAB' }),
    }),
  ])
  .describe('The public key (RFC 7517).');
const OwnKey = z.strictObject({
  jwk: PublicJwk,
  alg: textOf('A-Za-z0-9+-', 32, 'must be the name of an algorithm').meta({
    description: 'Its algorithm.',
    example: 'Ed25519',
  }),
});
const ListedKey = OwnKey.extend({ kid: Kid.describe('Its thumbprint, as the vault computed it.') });
const SIGNS = 'The key by which the device will sign.';
const OPENS = 'The key to which will be sealed; of a renewer, its key for freshness.';
const mac = Hash.describe('Binds both keys to the secret; the vault can neither check nor forge it.');

/** A device asks to be let in, signed by the key that it brings (docs/spec/enrolment.md). */
export const NewEnrolment = z
  .strictObject({
    id: EnrolmentId,
    invitation: InvitationId,
    ticket: Hash.describe('What only somebody with the secret of the invitation can show.'),
    label: DeviceLabel,
    sig: OwnKey.describe(SIGNS),
    enc: OwnKey.describe(OPENS),
    mac,
  })
  .meta({ id: 'NewEnrolment' });
export type NewEnrolment = z.infer<typeof NewEnrolment>;

const EnrolmentState = z
  .enum(['pending', 'approved', 'refused'])
  .meta({ description: 'How the request stands.', example: 'pending' });

/** How the request of a device stands, for the device itself. */
export const Enrolment = z
  .strictObject({
    id: EnrolmentId,
    state: EnrolmentState,
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{4}(?::[0-9a-f]{4}){7}$/)
      .meta({
        description: 'Both keys in short, to compare with what the device shows.',
        example: 'ccfc:ea45:353c:36e2:77e8:cbaf:a68c:0913',
      }),
    device: DeviceUrn.nullable().describe('Who it is once approved, else null; the directory says so too, and counts.'),
  })
  .meta({ id: 'Enrolment' });
export type Enrolment = z.input<typeof Enrolment>;

/** The request of a device as it was sent. The approver believes only what `mac` or the eight words confirm. */
export const EnrolmentRequest = z
  .strictObject({
    id: EnrolmentId,
    state: EnrolmentState,
    invitation: InvitationId,
    label: DeviceLabel,
    sig: ListedKey.describe(SIGNS),
    enc: ListedKey.describe(OPENS),
    mac,
    created_at: Timestamp,
  })
  .meta({ id: 'EnrolmentRequest' });
export type EnrolmentRequest = z.input<typeof EnrolmentRequest>;

export const EnrolmentQuery = z.strictObject({ state: EnrolmentState.default('pending'), ...pageQuery });
export type EnrolmentQuery = z.infer<typeof EnrolmentQuery>;

/** Requests of devices, the oldest first. */
export const EnrolmentPage = page(EnrolmentRequest).meta({ id: 'EnrolmentPage' });
export type EnrolmentPage = z.input<typeof EnrolmentPage>;

/** A request that was approved, and the directory that lists the device. */
export const ApprovedEnrolment = z
  .strictObject({
    id: EnrolmentId,
    state: z.literal('approved').meta({ description: 'How the request stands.', example: 'approved' }),
    version: Version.describe('Of the directory that lists the device.'),
  })
  .meta({ id: 'ApprovedEnrolment' });
export type ApprovedEnrolment = z.input<typeof ApprovedEnrolment>;
