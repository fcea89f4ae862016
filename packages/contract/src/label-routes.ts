import { LabelMoveResult } from './approvals.js';
import { LostMoves, TakenMoves } from './handing-back.js';
import {
  AcceptedFreshness,
  LabelChain,
  LabelChainQuery,
  LabelHistory,
  LabelHistoryQuery,
  LabelList,
  LabelMove,
  LabelPosition,
  NewLabelFreshness,
  NewLabelTag,
  StandingLabelPage,
  StandingLabelQuery,
} from './labels.js';
import { inLabel, inPrompt } from './params.js';
import type { Route } from './route.js';
import { change, create, read } from './route-kinds.js';

/** Labels: pointers to versions, signed by people (protocol.md §2.2). */
export const LABEL_ROUTES = {
  'label.move': {
    ...change,
    path: '/api/v1/prompts/{id}/labels/{label}',
    summary: 'Move or delete a label; If-Match is its position, 0 if it is new',
    permission: 'label.move',
    params: inLabel,
    body: LabelMove,
    otherStatuses: [202],
    response: LabelMoveResult,
  },
  'label.confirm': {
    ...create,
    path: '/api/v1/prompts/{id}/labels/{label}/tags',
    summary: 'Add a tag to the position of a label',
    permission: 'label.move',
    params: inLabel,
    body: NewLabelTag,
    status: 200,
    response: LabelPosition,
  },
  'label.list': {
    ...read,
    path: '/api/v1/prompts/{id}/labels',
    summary: 'Read all labels of a prompt with their tags',
    permission: 'prompt.read',
    params: inPrompt,
    response: LabelList,
  },
  'label.get': {
    ...read,
    path: '/api/v1/prompts/{id}/labels/{label}',
    summary: 'Read a label with its tags',
    permission: 'prompt.read',
    params: inLabel,
    response: LabelPosition,
  },
  'label.history': {
    ...read,
    path: '/api/v1/prompts/{id}/labels/{label}/positions',
    summary: 'List where a label stood, newest first, with the tags that say so',
    permission: 'prompt.read',
    params: inLabel,
    query: LabelHistoryQuery,
    response: LabelHistory,
  },
  'label.chain': {
    ...read,
    path: '/api/v1/prompts/{id}/labels/{label}/chain',
    summary: 'List the moves of a label after a position, in their order',
    permission: 'label.follow',
    params: inLabel,
    query: LabelChainQuery,
    response: LabelChain,
  },
  'label.all': {
    ...read,
    path: '/api/v1/labels',
    summary: 'List where every label of the organisation stands, deleted ones included',
    permission: 'label.renew',
    query: StandingLabelQuery,
    response: StandingLabelPage,
  },
  'label.freshen': {
    ...create,
    path: '/api/v1/labels/freshness',
    summary: "Bring a renewer's word that positions of labels are the newest",
    permission: 'label.renew',
    body: NewLabelFreshness,
    status: 200,
    response: AcceptedFreshness,
  },
  'label.handback': {
    ...create,
    path: '/api/v1/labels/handback',
    summary: 'Hand back moves of a label that a restored vault has lost',
    permission: 'label.follow',
    body: LostMoves,
    status: 200,
    response: TakenMoves,
  },
} as const satisfies Record<string, Route>;
