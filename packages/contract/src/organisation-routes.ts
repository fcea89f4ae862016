import { bootstrap, conditional } from './headers.js';
import { LostDocuments, RestoredVault, ResumedVault } from './handing-back.js';
import { ORGANISATION_BODY_BYTES_MAX } from './limits.js';
import {
  AcceptedDocument,
  AcceptedOrganisation,
  DirectoryFreshness,
  DirectoryHashesQuery,
  DirectoryHashPage,
  NewDirectory,
  NewDirectoryFreshness,
  NewOrganisation,
  NewPolicy,
  NewRoot,
  SignedDocument,
} from './organisations.js';
import { inOrganisation, inRoot } from './params.js';
import type { Route } from './route.js';
import { change, create, read } from './route-kinds.js';

const publish = {
  ...change,
  permission: 'organisation.update',
  bodyBytesMax: ORGANISATION_BODY_BYTES_MAX,
  response: AcceptedDocument,
} as const;
const readDocument = {
  ...read,
  public: 'signed by the organisation, and read before any key is known',
  headers: conditional,
  otherStatuses: [304],
  response: SignedDocument,
  contentType: 'application/jose+json',
  signedResponse: false,
} as const;

/** The organisation and its signed documents. Whoever sends them, their own signatures decide. */
export const ORGANISATION_ROUTES = {
  'organisation.create': {
    ...create,
    method: 'PUT',
    path: '/api/v1/organisations/{org}',
    summary: 'Bring an organisation to this vault: its first root, policy and directory',
    public: 'nobody has a key before; a one-time bootstrap secret stands in',
    params: inOrganisation,
    headers: bootstrap,
    body: NewOrganisation,
    bodyBytesMax: ORGANISATION_BODY_BYTES_MAX,
    otherStatuses: [200],
    response: AcceptedOrganisation,
    signedResponse: false,
  },
  'root.publish': {
    ...publish,
    path: '/api/v1/organisations/{org}/root/{n}',
    summary: 'Publish the next root; If-Match is the version it follows',
    params: inRoot,
    body: NewRoot,
  },
  'policy.publish': {
    ...publish,
    path: '/api/v1/organisations/{org}/policy',
    summary: 'Publish the next policy; it is served once a directory names it',
    params: inOrganisation,
    body: NewPolicy,
  },
  'directory.publish': {
    ...publish,
    path: '/api/v1/organisations/{org}/directory',
    summary: 'Publish the next directory; If-Match is the version it follows',
    params: inOrganisation,
    body: NewDirectory,
  },
  'root.get': {
    ...readDocument,
    path: '/.well-known/bulla/{org}/root/{n}.json',
    summary: 'Read one root of the chain',
    params: inRoot,
  },
  'policy.get': {
    ...readDocument,
    path: '/.well-known/bulla/{org}/policy.json',
    summary: 'Read the policy that the directory names',
    params: inOrganisation,
  },
  'directory.get': {
    ...readDocument,
    path: '/.well-known/bulla/{org}/directory.json',
    summary: 'Read the directory',
    params: inOrganisation,
  },
  'directory.hashes': {
    ...read,
    path: '/.well-known/bulla/{org}/directory/hashes',
    summary: 'Read the hashes of all directories from a version on, a thousand at a time',
    public: 'read before any key is known; the chain of a signed directory decides',
    params: inOrganisation,
    query: DirectoryHashesQuery,
    response: DirectoryHashPage,
    signedResponse: false,
  },
  'directory.freshen': {
    ...create,
    path: '/api/v1/organisations/{org}/freshness',
    summary: "Bring a renewer's word that the newest directory is the newest",
    permission: 'label.renew',
    params: inOrganisation,
    body: NewDirectoryFreshness,
    status: 200,
    response: AcceptedDocument,
  },
  'directory.freshness': {
    ...read,
    path: '/.well-known/bulla/{org}/fresh.json',
    summary: 'Read what renewers say of the newest directory',
    public: 'read before any key is known; the keys of renewers stand in the directory',
    params: inOrganisation,
    response: DirectoryFreshness,
    signedResponse: false,
  },
  'organisation.restored': {
    ...read,
    path: '/.well-known/bulla/{org}/restored.json',
    summary: 'Read whether the vault was restored from a backup, and waits for an admin',
    public: 'asked by whoever remembers more than the vault shows, and may not be listed there yet',
    params: inOrganisation,
    response: RestoredVault,
    signedResponse: false,
  },
  'organisation.handback': {
    service: 'vault',
    method: 'POST',
    path: '/api/v1/organisations/{org}/handback',
    summary: 'Hand back documents that a restored vault has lost',
    public: 'the signatures of the documents decide, and only while the vault waits for an admin',
    params: inOrganisation,
    body: LostDocuments,
    bodyBytesMax: ORGANISATION_BODY_BYTES_MAX,
    status: 200,
    response: AcceptedDocument,
    signedResponse: false,
  },
  'organisation.resume': {
    ...create,
    path: '/api/v1/organisations/{org}/resume',
    summary: 'Say that a restored vault goes on from what it has now',
    permission: 'organisation.update',
    params: inOrganisation,
    body: ResumedVault,
    status: 200,
    response: AcceptedDocument,
  },
} as const satisfies Record<string, Route>;
