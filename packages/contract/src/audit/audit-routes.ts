import type { Route } from '../http/route.js';
import { create, read } from '../http/route-kinds.js';
import {
  AuditBundle,
  AuditCheckpoints,
  AuditErasure,
  AuditErasureQuery,
  AuditEntryPage,
  AuditLogQuery,
  AuditProofQuery,
  AuditProofs,
  AuditQuery,
  AuditRecord,
  AuditTile,
  AuditTileQuery,
  inBundle,
  inEntry,
  inTile,
} from './audit.js';
import { COSIGNATURES_BODY_BYTES_MAX, KeptCosignatures, NewCosignatures } from './cosignatures.js';

const ofAuditors = { ...read, service: 'both', permission: 'audit.read' } as const;

/** The audit log of a service, which its readers verify themselves (docs/spec/audit-log.md). */
export const AUDIT_ROUTES = {
  'audit.list': {
    ...ofAuditors,
    path: '/api/v1/audit/entries',
    summary: 'List entries of the audit log, newest first or from an index on',
    query: AuditQuery,
    response: AuditEntryPage,
    problems: ['not_found'],
  },
  'audit.get': {
    ...ofAuditors,
    path: '/api/v1/audit/entries/{index}',
    summary: 'Read one entry, with what shows who asked for it',
    params: inEntry,
    query: AuditLogQuery,
    response: AuditRecord,
    problems: ['not_found'],
  },
  'audit.erase': {
    service: 'both',
    method: 'DELETE',
    status: 200,
    signedResponse: true,
    permission: 'audit.erase',
    path: '/api/v1/audit/evidence',
    summary: 'Erase what shows that the holder of a key asked, and leave the entries',
    query: AuditErasureQuery,
    response: AuditErasure,
    problems: ['not_found'],
  },
  'audit.checkpoint': {
    ...ofAuditors,
    path: '/api/v1/audit/checkpoint',
    summary: 'Read the newest checkpoint of each log',
    response: AuditCheckpoints,
  },
  'audit.tile': {
    ...ofAuditors,
    path: '/api/v1/audit/tile/{level}/{index}',
    summary: 'Read the hashes of a tile',
    params: inTile,
    query: AuditTileQuery,
    response: AuditTile,
    problems: ['not_found'],
  },
  'audit.bundle': {
    ...ofAuditors,
    path: '/api/v1/audit/bundles/{index}',
    summary: 'Read the entries of a tile',
    params: inBundle,
    query: AuditTileQuery,
    response: AuditBundle,
    problems: ['not_found'],
  },
  'audit.prove': {
    ...ofAuditors,
    path: '/api/v1/audit/proofs',
    summary: 'Prove that the log holds an entry, or begins with an older log',
    query: AuditProofQuery,
    response: AuditProofs,
    problems: ['not_found'],
  },
  'audit.cosign': {
    ...create,
    service: 'both',
    status: 200,
    // Each cosignature proves itself: who may read the log may bring them.
    permission: 'audit.read',
    path: '/api/v1/audit/cosignatures',
    summary: 'Bring a checkpoint that witnesses cosigned',
    command: 'bulla audit witness',
    body: NewCosignatures,
    bodyBytesMax: COSIGNATURES_BODY_BYTES_MAX,
    response: KeptCosignatures,
    problems: ['not_found'],
  },
} as const satisfies Record<string, Route>;
