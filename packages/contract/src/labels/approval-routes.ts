import { Approval, ApprovalPage, ApprovalQuery, LabelMoveResult, NewApprovalTag } from './approvals.js';
import { inApproval } from '../http/params.js';
import type { Route } from '../http/route.js';
import { create, read, remove } from '../http/route-kinds.js';

/** Moves of protected labels that need the signatures of several people (protocol.md §2.2). */
export const APPROVAL_ROUTES = {
  'approval.list': {
    ...read,
    path: '/api/v1/approvals',
    summary: 'List moves of labels that wait for signatures',
    permission: 'prompt.read',
    query: ApprovalQuery,
    response: ApprovalPage,
  },
  'approval.get': {
    ...read,
    path: '/api/v1/approvals/{id}',
    summary: 'Read a move of a label with the tags given so far',
    permission: 'prompt.read',
    params: inApproval,
    response: Approval,
    problems: ['not_found'],
  },
  'approval.give': {
    ...create,
    path: '/api/v1/approvals/{id}/tags',
    summary: 'Add a tag; the label moves with the last one needed',
    permission: 'label.move',
    params: inApproval,
    body: NewApprovalTag,
    status: 200,
    otherStatuses: [202],
    response: LabelMoveResult,
    problems: ['envelope_tampered', 'label_stale', 'not_found', 'vault_restored'],
  },
  'approval.drop': {
    ...remove,
    path: '/api/v1/approvals/{id}',
    summary: 'Drop a move that waits for signatures',
    permission: 'label.move',
    params: inApproval,
    problems: ['label_stale', 'not_found'],
  },
} as const satisfies Record<string, Route>;
