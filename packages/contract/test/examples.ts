import type * as z from 'zod';
import * as contract from '@bulla/contract';
import {
  approval,
  device,
  enrolment,
  envelope,
  hash,
  invitation,
  kid,
  prompt,
  responder,
  suffix,
  time,
  usageReport,
  user,
} from './example-names.js';
import { jobExample, kekExample, keyInTokenExample, rootKeyExample } from './key-examples.js';
import { usageCount, usagePage } from './usage-examples.js';

const token = 'eyJh.eyJi.c2ln';
const document = '{"payload":"eyJfdHlwZSI6IngifQ","signatures":[{"protected":"eyJ9","signature":"c2ln"}]}';
const summary = { version: 3, chash: hash, author: { urn: device, kid }, created_at: time };
const bundle = { v: 1, env: token, grant: token, content: token, tags: [token], fresh: [token] };
const position = { label: 'production', version: 3, seq: 7, tags: [token], fresh: [token] };
const standing = { name: 'claims/triage', prompt, ...position };
const tuple = { sub: `urn:bulla:acme:prompt:${prompt}`, ver: 3, chash: hash, prev: hash };
const lostDocuments = {
  roots: [document],
  policy: document,
  directory: document,
  from: 3,
  hashes: [hash],
  fresh: [token],
};
const pending = { approval, label: 'production', seq: 8, version: 0, given: 1, needed: 2 };
const answererExample = {
  upstream: 'local',
  weight: 2,
  can: ['chat' as const, 'tools' as const],
  price: { input: '0.4', output: '1.6' },
};
const approvalExample = {
  id: approval,
  prompt,
  name: 'claims/triage',
  label: 'production',
  seq: 8,
  version: 3,
  chash: hash,
  tags: [token],
  signers: [device],
  needed: 2,
  state: 'open',
  created_at: time,
  expires_at: time,
};
const promptExample = {
  id: prompt,
  name: 'claims/triage',
  type: 'text',
  latest_version: 3,
  labels: [{ label: 'production', version: 3, seq: 7 }],
  created_at: time,
  updated_at: time,
  deleted_at: null,
};
const offer = { roles: ['author', 'invoker'], groups: ['grp:authors'], user, label: 'laptop' };
const invitationExample = { id: invitation, ...offer, state: 'open', created_at: time, expires_at: time };
const rsa = { jwk: { kty: 'RSA', n: 'n'.repeat(342), e: 'AQAB' }, alg: 'PS256' };
const request = {
  id: enrolment,
  state: 'pending',
  invitation,
  label: 'laptop',
  sig: { ...rsa, kid },
  enc: { ...rsa, kid },
  mac: hash,
  created_at: time,
};

const auditOrigin = 'urn:bulla:acme:svc:vault/audit/1';
const note = `${auditOrigin}\n8\nh/8=\n\n\u2014 ${auditOrigin} c2ln\n`;
const auditEntry = { index: 7, at: time, leaf: `{"v":1,"id":"aud_${suffix}"}` };
const evidence = { base: '"@method": POST\n"@path": /api/v1/envelopes', signature: 'c2ln' };

export interface Example {
  readonly name: string;
  readonly schema: z.ZodType;
  /** A value with every member, optional ones included. */
  readonly value: unknown;
  /** JSON pointers of the members that may be missing; array indices are written `0`. */
  readonly optional: readonly string[];
}

const example = (name: string, schema: z.ZodType, value: unknown, optional: readonly string[] = []): Example => ({
  name,
  schema,
  value,
  optional,
});

/** A good value for every body that travels, request or answer. */
export const EXAMPLES: readonly Example[] = [
  example('NewOrganisation', contract.NewOrganisation, { root: document, policy: document, directory: document }),
  example('AcceptedOrganisation', contract.AcceptedOrganisation, { org: 'acme', pin: `sha256:${'0a'.repeat(32)}` }),
  example('NewRoot', contract.NewRoot, { root: document, policy: document, directory: document }),
  example('NewPolicy', contract.NewPolicy, { policy: document }),
  example('NewDirectory', contract.NewDirectory, { directory: document }),
  example('AcceptedDocument', contract.AcceptedDocument, { version: 2 }),
  example('SignedDocument', contract.SignedDocument, JSON.parse(document)),
  example('DirectoryHashPage', contract.DirectoryHashPage, { v: 1, hashes: [hash, hash] }),
  example('NewDirectoryFreshness', contract.NewDirectoryFreshness, { fresh: token }),
  example('DirectoryFreshness', contract.DirectoryFreshness, { v: 1, fresh: [token] }),
  example('RestoredVault', contract.RestoredVault, { v: 1, restored: time }),
  example('LostDocuments', contract.LostDocuments, lostDocuments, ['/fresh']),
  example('ResumedVault', contract.ResumedVault, { directory: 3 }),
  example('LostMoves', contract.LostMoves, { name: 'claims/triage', label: 'latest', moves: [tuple], tags: [token] }),
  example('TakenMoves', contract.TakenMoves, { seq: 7, taken: 0 }),
  example('NewInvitation', contract.NewInvitation, {
    id: invitation,
    ticket_sha256: hash,
    ...offer,
    expires_at: time,
  }),
  example('Invitation', contract.Invitation, invitationExample),
  example('InvitationPage', contract.InvitationPage, { data: [invitationExample], next_cursor: null }),
  example('NewEnrolment', contract.NewEnrolment, {
    id: enrolment,
    invitation,
    ticket: hash,
    label: 'laptop',
    sig: rsa,
    enc: rsa,
    mac: hash,
  }),
  example('Enrolment', contract.Enrolment, {
    id: enrolment,
    state: 'approved',
    fingerprint: Array.from({ length: 8 }, () => '0a1b').join(':'),
    device,
  }),
  example('EnrolmentPage', contract.EnrolmentPage, { data: [request], next_cursor: 'bmV4dA' }),
  example('ApprovedEnrolment', contract.ApprovedEnrolment, { id: enrolment, state: 'approved', version: 3 }),
  example('NewPrompt', contract.NewPrompt, { id: prompt, name: 'claims/triage', type: 'chat' }),
  example('Prompt', contract.Prompt, promptExample),
  example('PromptPage', contract.PromptPage, { data: [promptExample], next_cursor: 'bmV4dA' }),
  example(
    'NewVersion',
    contract.NewVersion,
    { content: token, grants: [token], deposit: token, prompt: { name: 'claims/triage', type: 'text' }, tags: [token] },
    ['/deposit', '/prompt', '/tags'],
  ),
  example(
    'NewClearVersion',
    contract.NewClearVersion,
    {
      statement: {
        acl: { invoke: ['grp:support'], read: ['grp:authors'], responders: [responder] },
        input: { messages: false, parameters: ['temperature'] },
        content: {
          messages: [{ role: 'user', content: 'Sort: {{claim}}' }],
          vars: {},
          model: { name: 'default', temperature: 0.5, max_output_tokens: 800 },
          source: 'Sort: {{claim}}',
        },
        protect_until: '2030-12-31',
        message: 'first',
      },
      salt: 'A'.repeat(22),
      prompt: { name: 'claims/triage', type: 'text' },
    },
    [
      '/prompt',
      '/statement/content/source',
      '/statement/input/parameters',
      '/statement/content/model/temperature',
      '/statement/content/model/max_output_tokens',
    ],
  ),
  example('AcceptedVersion', contract.AcceptedVersion, {
    version: 3,
    chash: hash,
    labels: [{ label: 'latest', seq: 1, version: 3 }],
  }),
  example('SealedVersion', contract.SealedVersion, { ...summary, content: token, grant: token }),
  example('VersionPage', contract.VersionPage, { data: [summary], next_cursor: null }),
  example('LabelMove', contract.LabelMove, { tags: [token] }),
  example('MovedLabel', contract.MovedLabel, { label: 'latest', seq: 1, version: 0 }),
  example('LabelMoveResult of a move', contract.LabelMoveResult, { label: 'latest', seq: 1, version: 0 }),
  example('LabelMoveResult of a move that waits', contract.LabelMoveResult, pending),
  example('Approval', contract.Approval, approvalExample),
  example('ApprovalPage', contract.ApprovalPage, { data: [approvalExample], next_cursor: null }),
  example('NewApprovalTag', contract.NewApprovalTag, { tag: token }),
  example('LabelPosition', contract.LabelPosition, position, ['/fresh']),
  example('LabelHistory', contract.LabelHistory, { data: [position], next_cursor: null }, ['/data/0/fresh']),
  example('NewLabelTag', contract.NewLabelTag, { tag: token }),
  example('LabelTuple', contract.LabelTuple, tuple),
  example('LabelChain', contract.LabelChain, { data: [tuple], next_cursor: 'bmV4dA' }),
  example('LabelList', contract.LabelList, { data: [position] }, ['/data/0/fresh']),
  example('StandingLabel', contract.StandingLabel, standing, ['/fresh']),
  example('StandingLabelPage', contract.StandingLabelPage, { data: [standing], next_cursor: 'bmV4dA' }, [
    '/data/0/fresh',
  ]),
  example('NewLabelFreshness', contract.NewLabelFreshness, { fresh: [token] }),
  example('AcceptedFreshness', contract.AcceptedFreshness, { taken: 0 }),
  example('Job', contract.Job, jobExample, ['/trouble']),
  example('JobPage', contract.JobPage, { data: [jobExample], next_cursor: null }, ['/data/0/trouble']),
  example(
    'KeyStatus',
    contract.KeyStatus,
    { root: [rootKeyExample], kek: [kekExample], pending: 3, jobs: [jobExample], in_tokens: [keyInTokenExample] },
    ['/root/0/stand_in', '/jobs/0/trouble', '/in_tokens/0/stand_in'],
  ),
  example(
    'ModelList',
    contract.ModelList,
    {
      data: [{ name: 'small', default: true, alias_of: 'llama', targets: [answererExample], fallbacks: [] }],
      others: false,
      currency: 'USD',
    },
    ['/data/0/alias_of', '/data/0/targets/0/weight', '/data/0/targets/0/can', '/data/0/targets/0/price', '/currency'],
  ),
  example('NewUsage', contract.NewUsage, { report: usageReport, counts: [usageCount] }),
  example('AcceptedUsage', contract.AcceptedUsage, { taken: 1 }),
  example(
    'UsagePage',
    contract.UsagePage,
    usagePage,
    ['device', 'prompt', 'name', 'model', 'from'].map((member) => `/data/0/${member}`),
  ),
  example('HeldKeys', contract.HeldKeys, { kids: [kid] }),
  example('NewRotation', contract.NewRotation, { what: 'root', to: 'file:/run/bulla/root-2.key' }, ['/to']),
  example('Unsealing', contract.Unsealing, {
    sealed: true,
    set: kid,
    shares: 5,
    threshold: 3,
    given: [2],
    key: { kid, jwk: { kty: 'EC', crv: 'P-256', x: hash, y: hash } },
  }),
  example('NewShare', contract.NewShare, { share: token }),
  example('NewGrants', contract.NewGrants, { grants: [token] }),
  example('AcceptedGrants', contract.AcceptedGrants, { added: 0 }),
  example('GrantPage', contract.GrantPage, {
    data: [{ whash: hash, version: 3, kid, aud: 'urn:bulla:acme:recovery' }],
    next_cursor: null,
  }),
  example('OwnGrantPage', contract.OwnGrantPage, {
    data: [{ prompt, version: 3, kid, whash: hash, poster: kid, header: 'eyJhbGciOiJkaXIifQ', grant: token }],
    next_cursor: null,
  }),
  example('UnfitGrantPage', contract.UnfitGrantPage, {
    data: [
      {
        whash: hash,
        prompt,
        version: 3,
        kid,
        aud: responder,
        poster: kid,
        by: 'urn:bulla:acme:user:usr_01kz84jm00fs4v9y6x7qj3r2dn',
        again: false,
        reported_at: '2026-12-02T10:00:00.000Z',
      },
    ],
    next_cursor: null,
  }),
  example('TriedGrantPage', contract.TriedGrantPage, { data: [{ whash: hash, fit: true }], next_cursor: null }),
  example('MovedGrants', contract.MovedGrants, { results: [{ whash: hash, outcome: 'present' }] }),
  example(
    'NewEnvelope of a chat',
    contract.NewEnvelope,
    { purpose: 'chat.invoke', models: ['small'], aud: responder, uses: 2, replaces: envelope },
    ['/uses', '/replaces'],
  ),
  example('NewEnvelope by id and version', contract.NewEnvelope, { prompt, version: 3, aud: responder, uses: 2 }, [
    '/uses',
  ]),
  example('NewEnvelope by name and label', contract.NewEnvelope, {
    name: 'claims/triage',
    label: 'latest',
    aud: responder,
  }),
  example('Bundle', contract.Bundle, bundle, ['/grant', '/content', '/fresh']),
  example('EnvelopeStatus', contract.EnvelopeStatus, { jti: envelope, state: 'issued', expires_at: time }),
  example('NewInvocation', contract.NewInvocation, { bundle, inv: token }, [
    '/bundle/grant',
    '/bundle/content',
    '/bundle/fresh',
  ]),
  example('Reply', contract.Reply, { head: 'eyJ9', frames: ['AAAA'], final: 'AAAA' }),
  example('ReplyEvent head', contract.ReplyEvent, { event: 'bulla.head', data: 'eyJ9' }),
  example('ReplyEvent frame', contract.ReplyEvent, { event: 'bulla.frame', id: 0, data: 'AAAA' }),
  example('ReplyEvent final', contract.ReplyEvent, { event: 'bulla.final', data: 'AAAA' }),
  example('AuditEntry', contract.AuditEntry, auditEntry),
  example('AuditEntryPage', contract.AuditEntryPage, { data: [auditEntry], next_cursor: 'WzdQ' }),
  example('AuditRecord', contract.AuditRecord, { ...auditEntry, evidence }),
  example('AuditBundle', contract.AuditBundle, { data: [{ ...auditEntry, evidence }] }),
  example('AuditTile', contract.AuditTile, { hashes: hash }),
  example(
    'AuditCheckpoints',
    contract.AuditCheckpoints,
    { data: [{ log: 1, origin: auditOrigin, checkpoint: note, first: 0, witnessed: [note] }] },
    ['/data/0/witnessed'],
  ),
  example('NewCosignatures', contract.NewCosignatures, { checkpoint: note }),
  example('KeptCosignatures', contract.KeptCosignatures, {
    log: 1,
    kept: [{ witness: 'witness.example/w1', entries: 12, at: time }],
  }),
  example('AuditSetAside', contract.AuditSetAside, { items: 3, more: false }),
  example('AuditErasure', contract.AuditErasure, { erased: 12, below: 4711, more: false }),
  example('AuditProofs', contract.AuditProofs, { inclusion: [hash], consistency: [hash] }, [
    '/inclusion',
    '/consistency',
  ]),
  example('Health', contract.Health, { status: 'ok', checks: [{ name: 'database', ok: true }] }),
  example('ServiceIndex', contract.ServiceIndex, {
    service: 'vault',
    version: '0.1.0',
    docs: '/api/docs',
    openapi: '/api/openapi.json',
    health: '/health/ready',
  }),
  example(
    'ProblemDocument',
    contract.ProblemDocument,
    {
      type: 'urn:bulla:problem:clock_skew',
      title: 'The clock differs.',
      status: 401,
      detail: 'it is late',
      code: 'clock_skew',
      request_id: 'r-1',
      origin: 'vault',
      retryable: false,
      errors: [{ pointer: '/name', message: 'must be a name' }],
      time,
    },
    ['/detail', '/instance', '/errors', '/time'],
  ),
];
