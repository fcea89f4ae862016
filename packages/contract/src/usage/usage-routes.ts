import type { Route } from '../http/route.js';
import { create, read } from '../http/route-kinds.js';
import { AcceptedUsage, NewUsage, UsagePage, UsageQuery } from './usage.js';

/** What runs took: counted where they ran, added up at the vault (docs/guide/usage.md). */
export const USAGE_ROUTES = {
  'usage.report': {
    ...create,
    status: 200,
    path: '/api/v1/usage',
    summary: 'Report what runs took at the responder that asks; a report that comes twice counts once',
    permission: 'usage.report',
    body: NewUsage,
    response: AcceptedUsage,
  },
  'usage.list': {
    ...read,
    path: '/api/v1/usage',
    summary: 'Add up what runs took: of everybody for admins and auditors, of the own device for others',
    permission: 'usage.read',
    query: UsageQuery,
    response: UsagePage,
  },
} as const satisfies Record<string, Route>;
