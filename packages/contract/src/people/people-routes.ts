import { ENROLMENT_BODY_BYTES_MAX, ORGANISATION_BODY_BYTES_MAX } from '../http/limits.js';
import { NewDirectory } from '../organisations/organisations.js';
import { inEnrolment, inInvitation } from '../http/params.js';
import {
  ApprovedEnrolment,
  Enrolment,
  EnrolmentPage,
  EnrolmentQuery,
  Invitation,
  InvitationPage,
  InvitationQuery,
  NewEnrolment,
  NewInvitation,
} from './people.js';
import type { Route } from '../http/route.js';
import { create, read, remove } from '../http/route-kinds.js';

const ofNewDevice = {
  public: 'signed by the key that the device brings, which no directory lists yet',
  credential: 'enrolment',
} as const;

/** How people and their devices come in (docs/spec/enrolment.md). They leave by the next directory. */
export const PEOPLE_ROUTES = {
  'invitation.create': {
    ...create,
    path: '/api/v1/invitations',
    summary: 'Invite a device of a person',
    permission: 'person.admit',
    body: NewInvitation,
    response: Invitation,
    problems: ['name_taken'],
  },
  'invitation.list': {
    ...read,
    path: '/api/v1/invitations',
    summary: 'List invitations, newest first',
    permission: 'person.admit',
    query: InvitationQuery,
    response: InvitationPage,
  },
  'invitation.delete': {
    ...remove,
    path: '/api/v1/invitations/{id}',
    summary: 'Take back an invitation that nobody has taken',
    permission: 'person.admit',
    params: inInvitation,
    problems: ['not_found', 'version_conflict'],
  },
  'enrolment.create': {
    ...create,
    path: '/api/v1/enrolments',
    summary: 'Ask to be let in, by a new key and the ticket of an invitation',
    ...ofNewDevice,
    body: NewEnrolment,
    bodyBytesMax: ENROLMENT_BODY_BYTES_MAX,
    response: Enrolment,
    signedResponse: false,
    command: 'bulla device enrol',
    problems: ['name_taken', 'not_found', 'trust_expired'],
  },
  'enrolment.get': {
    ...read,
    path: '/api/v1/enrolments/{id}',
    summary: 'Read what became of the own request',
    ...ofNewDevice,
    params: inEnrolment,
    response: Enrolment,
    signedResponse: false,
    command: 'bulla device enrol',
    problems: ['not_found'],
  },
  'enrolment.list': {
    ...read,
    path: '/api/v1/enrolments',
    summary: 'List the requests of devices, oldest first',
    permission: 'person.admit',
    query: EnrolmentQuery,
    response: EnrolmentPage,
  },
  'enrolment.approve': {
    ...create,
    path: '/api/v1/enrolments/{id}/approval',
    summary: 'Let a device in by the directory that lists it',
    permission: 'person.admit',
    params: inEnrolment,
    body: NewDirectory,
    bodyBytesMax: ORGANISATION_BODY_BYTES_MAX,
    response: ApprovedEnrolment,
    judgedBy: 'expired',
    problems: [
      'custody_not_allowed',
      'needs_rewrap',
      'not_found',
      'trust_expired',
      'vault_restored',
      'version_conflict',
    ],
  },
  'enrolment.refuse': {
    ...remove,
    path: '/api/v1/enrolments/{id}',
    summary: 'Refuse a device; its invitation is spent',
    permission: 'person.admit',
    params: inEnrolment,
    problems: ['not_found', 'version_conflict'],
  },
} as const satisfies Record<string, Route>;
