import { inJob } from '../http/params.js';
import type { Route } from '../http/route.js';
import { create, read, remove } from '../http/route-kinds.js';
import { HeldKeys, Job, JobPage, JobQuery, KeyStatus, NewRotation } from './keys.js';

/** Keys at rest and of services, and the work of replacing them. No key travels here, only names, states and counts. */
export const KEY_ROUTES = {
  'key.status': {
    ...read,
    path: '/api/v1/keys',
    summary: 'Read how the root keys of the vault and the keys of the organisation stand',
    permission: 'key.read',
    response: KeyStatus,
  },
  'key.held': {
    ...read,
    service: 'both',
    path: '/api/v1/keys/held',
    summary: 'Read which of its own keys this process of the service holds',
    permission: 'key.read',
    response: HeldKeys,
  },
  'key.rotate': {
    ...create,
    path: '/api/v1/keys/rotations',
    summary: 'Replace a key while everything runs; where that goes on already, its job is answered',
    permission: 'key.rotate',
    body: NewRotation,
    response: Job,
    problems: ['custody_not_allowed'],
  },
  'job.list': {
    ...read,
    path: '/api/v1/jobs',
    summary: 'List jobs, newest first',
    permission: 'key.read',
    query: JobQuery,
    response: JobPage,
  },
  'job.get': {
    ...read,
    path: '/api/v1/jobs/{id}',
    summary: 'Read how a job goes on',
    permission: 'key.read',
    params: inJob,
    response: Job,
    problems: ['not_found'],
  },
  'job.cancel': {
    ...remove,
    path: '/api/v1/jobs/{id}',
    summary: 'Stop a job where it is; what it did stays',
    permission: 'key.rotate',
    params: inJob,
    problems: ['not_found'],
  },
} as const satisfies Record<string, Route>;
