import type { NewEnrolment } from '@bulla/contract';
import type { Signer } from '@bulla/crypto';
import { enrolmentMac, enrolmentTicket, mintId, newInvitationSecret, ticketHash, urnOf } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { SendOptions, TestResponse } from '@bulla/service-kit/testing';
import { committedKeyPair } from '@bulla/testkit';
import { must } from './authoring.js';
import type { TestMember, TestVault } from './running-vault.js';

// What an admin and a new device do on their own machines before anything is sent.

export const INVITATIONS = '/api/v1/invitations';
export const ENROLMENTS = '/api/v1/enrolments';

/** What the admin keeps, and hands over in private. */
export interface Invited {
  readonly id: string;
  readonly secret: string;
}

/** A device with keys that no directory lists. */
export interface Newcomer {
  readonly id: string;
  readonly body: NewEnrolment;
  /** What it signs as until it is let in. */
  readonly asker: { readonly keyid: string; readonly signer: Signer };
  /** What it is once a directory lists it. */
  readonly device: TestMember;
}

/** A good invitation for an invoker. */
export async function invitationOf(
  vault: TestVault,
  organisation: TestOrganisation,
): Promise<{ invited: Invited; body: Record<string, unknown> }> {
  const invited = { id: mintId('ivt'), secret: newInvitationSecret() };
  const body = {
    id: invited.id,
    ticket_sha256: await ticketHash(await enrolmentTicket(invited.secret)),
    roles: ['invoker'],
    groups: ['grp:support'],
    user: urnOf(organisation.org, 'user', mintId('usr')),
    label: 'laptop',
    expires_at: new Date(vault.clock.nowMs() + 3_600_000).toISOString(),
  };
  return { invited, body };
}

/** Invites a device as the owner of an organisation. */
export async function invite(vault: TestVault, organisation = vault.acme): Promise<Invited> {
  const { invited, body } = await invitationOf(vault, organisation);
  must(201, await vault.clientOf(organisation.owner).post(INVITATIONS, body));
  return invited;
}

const RIGHTS = { roles: ['invoker' as const], groups: ['grp:support'] };

let slots = 0;
/** A device that holds an invitation, with keys of its own. */
export async function newcomerWith(invited: Invited, organisation: TestOrganisation): Promise<Newcomer> {
  slots += 1;
  return asNewcomer(invited, await organisation.makeDevice(`newcomer ${slots}`, RIGHTS), organisation.org);
}

/** The same with RSA keys, for what only those have. */
export async function rsaNewcomerWith(invited: Invited, { org, now }: TestOrganisation): Promise<Newcomer> {
  slots += 1;
  const likeIt = await makeOrganisation({ org, now, suite: 'rsa2048', readyKeyPair: committedKeyPair });
  return asNewcomer(invited, await likeIt.makeDevice(`newcomer ${slots}`, RIGHTS), org);
}

/** A device with these keys, as it asks to be let in. */
export async function asNewcomer(invited: Invited, device: TestMember, org: string): Promise<Newcomer> {
  const { sig, enc } = device;
  if (enc === undefined) throw new Error('a device has two keys');
  const id = mintId('enr');
  const keys = { org, invitation: invited.id, sigKid: sig.kid, encKid: enc.kid };
  const body = {
    id,
    invitation: invited.id,
    ticket: await enrolmentTicket(invited.secret),
    label: 'laptop',
    sig: { jwk: sig.publicJwk, alg: sig.alg },
    enc: { jwk: enc.publicJwk, alg: enc.alg },
    mac: await enrolmentMac(invited.secret, keys),
  } as unknown as NewEnrolment;
  return { id, body, asker: { keyid: `${urnOf(org, 'enr', id)}#${sig.kid}`, signer: device.signer }, device };
}

/** Sends the request of a device, changed or not. */
export function enrol(
  vault: TestVault,
  { asker, body }: Pick<Newcomer, 'asker' | 'body'>,
  changes: Record<string, unknown> = {},
  options: SendOptions = {},
): Promise<TestResponse> {
  return vault.clientOf(asker).post(ENROLMENTS, { ...body, ...changes }, options);
}

/** A device whose request waits. */
export async function pendingNewcomer(vault: TestVault, organisation = vault.acme): Promise<Newcomer> {
  const newcomer = await newcomerWith(await invite(vault, organisation), organisation);
  must(201, await enrol(vault, newcomer));
  return newcomer;
}

/** The next directory with a device in it, not adopted by the organisation. */
export function listing(organisation: TestOrganisation, { device }: Pick<Newcomer, 'device'>): Promise<string> {
  return organisation.signDirectory((draft) => {
    draft.entities[device.urn] = device.entity;
  });
}

/** Sends an approval as the owner. */
export function approve(
  vault: TestVault,
  organisation: TestOrganisation,
  id: string,
  directory: string,
  options: SendOptions = {},
): Promise<TestResponse> {
  return vault.clientOf(organisation.owner).post(`${ENROLMENTS}/${id}/approval`, { directory }, options);
}

/** Lets a device in, and has the organisation go on from the directory that does. */
export async function letIn(vault: TestVault, newcomer: Newcomer, organisation = vault.acme): Promise<void> {
  const { device, id } = newcomer;
  await organisation.publish((draft) => {
    draft.entities[device.urn] = device.entity;
  });
  must(201, await approve(vault, organisation, id, organisation.documents.directory));
}
