import * as z from 'zod';
import { base64urlText, textOf } from './alphabet.js';
import { DeviceUrn, EnrolmentId, Group, Hash, InvitationId, Kid, Timestamp, UserUrn } from './ids.js';
import { GROUPS_MAX } from './limits.js';
import { Version } from './numbers.js';
import { page, pageQuery } from './paging.js';

/** What people call a device, such as `laptop`. It helps whoever approves, and stays out of signed documents. */
export const DeviceLabel = textOf(
  'A-Za-z0-9 ._-',
  64,
  'must be letters, digits, spaces, dots, hyphens and underscores',
);

/** What a device may be trusted with. */
export const DeviceRole = z.enum(['owner', 'admin', 'author', 'invoker', 'auditor', 'renewer']);
export type DeviceRole = z.infer<typeof DeviceRole>;

/** What is offered to whoever takes an invitation. The vault keeps it; whoever approves goes by their own record. */
const offer = {
  roles: z.array(DeviceRole).min(1).max(5),
  groups: z.array(Group).max(GROUPS_MAX),
  user: UserUrn,
  label: DeviceLabel,
};

/** A ticket for one device. The secret stays with those two; the vault gets a hash of what the device will show. */
export const NewInvitation = z
  .strictObject({ id: InvitationId, ticket_sha256: Hash, ...offer, expires_at: Timestamp })
  .meta({ id: 'NewInvitation' });
export type NewInvitation = z.infer<typeof NewInvitation>;

export const Invitation = z
  .strictObject({
    id: InvitationId,
    ...offer,
    state: z.enum(['open', 'taken', 'expired']),
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
const PublicJwk = z.discriminatedUnion('kty', [
  z.strictObject({ kty: z.literal('RSA'), n: base64urlText(683), e: base64urlText(8) }),
  z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: base64urlText(43), y: base64urlText(43) }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: base64urlText(43) }),
]);
const OwnKey = z.strictObject({
  jwk: PublicJwk,
  alg: textOf('A-Za-z0-9+-', 32, 'must be the name of an algorithm'),
});

/** A device asks to be let in, signed by the key that it brings (main-job M6). */
export const NewEnrolment = z
  .strictObject({
    id: EnrolmentId,
    invitation: InvitationId,
    /** What only somebody with the invitation's secret can show. */
    ticket: Hash,
    label: DeviceLabel,
    sig: OwnKey,
    /** What is sealed to it; in the place of that, a renewer's key for freshness. */
    enc: OwnKey,
    /** Binds both keys to the secret; the vault can neither check nor forge it. */
    mac: Hash,
  })
  .meta({ id: 'NewEnrolment' });
export type NewEnrolment = z.infer<typeof NewEnrolment>;

const EnrolmentState = z.enum(['pending', 'approved', 'refused']);

/** How the request of a device stands, for the device itself. */
export const Enrolment = z
  .strictObject({
    id: EnrolmentId,
    state: EnrolmentState,
    /** Both keys in short, to compare with what the device shows. */
    fingerprint: z.string().regex(/^[0-9a-f]{4}(?::[0-9a-f]{4}){7}$/),
    /** Who it is now, once approved; the directory says so too, and counts. */
    device: DeviceUrn.nullable(),
  })
  .meta({ id: 'Enrolment' });
export type Enrolment = z.input<typeof Enrolment>;

/** The request of a device as it was sent, for whoever approves. Nothing in it is to be believed but what `mac` or eight words bear out. */
export const EnrolmentRequest = z
  .strictObject({
    id: EnrolmentId,
    state: EnrolmentState,
    invitation: InvitationId,
    label: DeviceLabel,
    sig: OwnKey.extend({ kid: Kid }),
    enc: OwnKey.extend({ kid: Kid }),
    mac: Hash,
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
  .strictObject({ id: EnrolmentId, state: z.literal('approved'), version: Version })
  .meta({ id: 'ApprovedEnrolment' });
export type ApprovedEnrolment = z.input<typeof ApprovedEnrolment>;
