import type { Route } from '../http/route.js';
import { create, read } from '../http/route-kinds.js';
import { NewShare, Unsealing } from './unsealing.js';

/** How a vault comes to a root key that is in shares (docs/spec/share.md). It is the process that answers that is meant. */
export const UNSEALING_ROUTES = {
  'unsealing.get': {
    ...read,
    path: '/api/v1/unsealing',
    summary: 'Read whether this process has its root key, and to which key shares are sealed',
    permission: 'vault.unseal',
    response: Unsealing,
    problems: ['not_found'],
  },
  'unsealing.give': {
    ...create,
    path: '/api/v1/unsealing/shares',
    summary: 'Give this process a share of its root key; with enough of them it is unsealed',
    permission: 'vault.unseal',
    body: NewShare,
    status: 200,
    response: Unsealing,
    command: 'bulla unseal',
    problems: ['not_found', 'open_failed', 'version_conflict'],
  },
} as const satisfies Record<string, Route>;
