import { AUDIT_ROUTES } from './audit/audit-routes.js';
import { APPROVAL_ROUTES } from './labels/approval-routes.js';
import { Bundle, EnvelopeStatus, NewEnvelope } from './envelopes/envelopes.js';
import { GRANT_ROUTES } from './envelopes/grant-routes.js';
import { idempotent, idempotentOn } from './http/headers.js';
import { Health, OpenApiDocument, ServiceIndex } from './http/health.js';
import { NewInvocation, Reply, ReplyEvent } from './invocations/invocations.js';
import { ModelList } from './invocations/models.js';
import { KEY_ROUTES } from './keys/key-routes.js';
import { LABEL_ROUTES } from './labels/label-routes.js';
import { CHAT_BODY_BYTES_MAX, INVOCATION_BODY_BYTES_MAX } from './http/limits.js';
import { ORGANISATION_ROUTES } from './organisations/organisation-routes.js';
import { inEnvelope, inPrompt, inVersion } from './http/params.js';
import { PEOPLE_ROUTES } from './people/people-routes.js';
import { NewPrompt, Prompt, PromptNameQuery, PromptPage, PromptQuery } from './prompts/prompts.js';
import type { Route } from './http/route.js';
import { create, read, remove } from './http/route-kinds.js';
import {
  AcceptedVersion,
  NewClearVersion,
  NewVersion,
  SealedVersion,
  VersionPage,
  VersionQuery,
} from './prompts/versions.js';
import { USAGE_ROUTES } from './usage/usage-routes.js';
import { UNSEALING_ROUTES } from './unsealing/unsealing-routes.js';

// What routes of one sort have in common; the table below spells out the rest.
const report = { service: 'both', method: 'GET', status: 200, signedResponse: false } as const;
const health = {
  ...report,
  public: 'asked by balancers and orchestrators, which hold no key',
  response: Health,
} as const;
const page = { ...report, public: 'describes the interface, holds no data' } as const;

/**
 * Every request that Bulla's services answer. Controllers, the SDK, the OpenAPI documents and the tests read
 * this table; nothing about a request is declared anywhere else. The name of a route that changes something is
 * also the name of its audit event.
 */
export const ROUTES = {
  ...ORGANISATION_ROUTES,
  ...PEOPLE_ROUTES,

  // Prompts and their versions. A version never changes.
  'prompt.create': {
    ...create,
    path: '/api/v1/prompts',
    summary: 'Make a prompt',
    permission: 'prompt.write',
    body: NewPrompt,
    response: Prompt,
    problems: ['name_taken', 'vault_restored'],
  },
  'prompt.list': {
    ...read,
    path: '/api/v1/prompts',
    summary: 'List prompts by name',
    permission: 'prompt.read',
    query: PromptQuery,
    response: PromptPage,
  },
  'prompt.find': {
    ...read,
    path: '/api/v1/prompts/by-name',
    summary: 'Read the prompt that bears a name now',
    permission: 'prompt.read',
    query: PromptNameQuery,
    response: Prompt,
    problems: ['not_found'],
  },
  'prompt.get': {
    ...read,
    path: '/api/v1/prompts/{id}',
    summary: 'Read a prompt',
    permission: 'prompt.read',
    params: inPrompt,
    response: Prompt,
    problems: ['not_found'],
  },
  'prompt.delete': {
    ...remove,
    path: '/api/v1/prompts/{id}',
    summary: 'Delete a prompt and free its name; what is sealed stays until it is shredded',
    permission: 'prompt.delete',
    params: inPrompt,
    problems: ['not_found'],
  },
  'version.create': {
    ...create,
    path: '/api/v1/prompts/{id}/versions',
    summary: 'Store the next version, sealed by its author, and move labels to it; If-Match is the newest version',
    permission: 'prompt.write',
    params: inPrompt,
    headers: idempotentOn,
    body: NewVersion,
    response: AcceptedVersion,
    problems: [
      'content_uncommitted',
      'custody_not_allowed',
      'envelope_tampered',
      'label_stale',
      'name_taken',
      'not_found',
      'open_failed',
      'vault_restored',
      'version_conflict',
    ],
  },
  'version.entrust': {
    ...create,
    path: '/api/v1/prompts/{id}/entrusted-versions',
    summary: 'Have the vault sign and seal the next version of a managed name, sent in the clear over TLS',
    permission: 'prompt.write',
    params: inPrompt,
    headers: idempotentOn,
    body: NewClearVersion,
    response: AcceptedVersion,
    problems: ['custody_not_allowed', 'name_taken', 'not_found', 'vault_restored', 'version_conflict'],
  },
  'version.list': {
    ...read,
    path: '/api/v1/prompts/{id}/versions',
    summary: 'List the versions of a prompt, newest first',
    permission: 'prompt.read',
    params: inPrompt,
    query: VersionQuery,
    response: VersionPage,
    problems: ['not_found'],
  },
  'version.get': {
    ...read,
    path: '/api/v1/prompts/{id}/versions/{n}',
    summary: 'Read a sealed version and the grant of the caller',
    permission: 'prompt.read',
    params: inVersion,
    response: SealedVersion,
    problems: ['not_found'],
  },

  // Labels: pointers to versions, signed by people; and what waits for further people.
  ...LABEL_ROUTES,
  ...APPROVAL_ROUTES,

  // Grants: the key of a version, wrapped to one recipient each.
  ...GRANT_ROUTES,

  // Envelopes: leave to run one version, for one asker, at one responder.
  'envelope.issue': {
    ...create,
    path: '/api/v1/envelopes',
    summary: 'Issue an envelope: for a prompt, with the grant and the content that it names; or for chats',
    permission: 'envelope.issue',
    body: NewEnvelope,
    response: Bundle,
    signedResponse: false,
    problems: [
      'content_uncommitted',
      'envelope_expired',
      'envelope_revoked',
      'label_not_found',
      'needs_rewrap',
      'not_found',
    ],
  },
  'envelope.get': {
    ...read,
    path: '/api/v1/envelopes/{jti}',
    summary: 'Read what became of an envelope',
    permission: 'envelope.read',
    params: inEnvelope,
    response: EnvelopeStatus,
    problems: ['not_found'],
  },

  // Keys at rest, and how they are replaced.
  ...KEY_ROUTES,

  // The responder: a question in, a sealed and signed answer out.
  'invocation.run': {
    service: 'responder',
    method: 'POST',
    path: '/api/v1/invocations',
    summary: 'Run a prompt or a chat; the answer is sealed to the asker, whole or as a stream of frames',
    permission: 'invocation.run',
    headers: idempotent,
    body: NewInvocation,
    bodyBytesMax: INVOCATION_BODY_BYTES_MAX,
    chatBodyBytesMax: CHAT_BODY_BYTES_MAX,
    status: 200,
    response: Reply,
    event: ReplyEvent,
    signedResponse: false,
    problems: [
      'content_uncommitted',
      'envelope_expired',
      'envelope_replayed',
      'envelope_revoked',
      'envelope_tampered',
      'open_failed',
      'trust_rollback',
    ],
  },

  'model.list': {
    ...read,
    service: 'responder',
    path: '/api/v1/models',
    summary: 'List the names of models that prompts may say here',
    permission: 'invocation.run',
    response: ModelList,
  },

  // What runs took, as responders count it.
  ...USAGE_ROUTES,

  // The root key of the vault, where people keep it in shares.
  ...UNSEALING_ROUTES,

  // What both services wrote down, for those who check it.
  ...AUDIT_ROUTES,

  // What every service says about itself.
  'health.live': {
    ...health,
    path: '/health/live',
    summary: 'Whether the process runs',
  },
  'health.ready': {
    ...health,
    path: '/health/ready',
    summary: 'Whether the service can take requests; 503 if not, 423 while it waits for its root key',
    otherStatuses: [423, 503],
  },
  'interface.index': {
    ...page,
    path: '/',
    summary: 'What this service is, and where to read on',
    response: ServiceIndex,
    page: true,
  },
  'interface.document': {
    ...page,
    path: '/api/openapi.json',
    summary: 'This interface as an OpenAPI document',
    response: OpenApiDocument,
  },
  'interface.page': {
    ...page,
    path: '/api/docs',
    summary: 'This interface as a page to read',
    page: true,
  },
} as const satisfies Record<string, Route>;
