import { WITNESSES_MAX } from '@bulla/crypto/names';
import * as z from 'zod';
import { base64urlText } from './alphabet.js';
import {
  ApprovalId,
  EnrolmentId,
  EnvelopeId,
  Hash,
  InvitationId,
  InvocationId,
  JobId,
  Kid,
  Label,
  Pin,
  PosterUrn,
  PromptId,
  ResponderUrn,
  UsageReportId,
} from './ids.js';
import { GRANTS_MAX, POSTERS_MAX, SET_ASIDE_MAX } from './http/limits.js';
import { Count, Sequence, Version, VersionOrNone } from './numbers.js';
import { PROBLEMS } from './http/problem-record.js';
import { ProblemCode } from './http/problems.js';
import { logsBefore as before, LogPlace } from './audit/log-facts.js';
import { KeyName } from './keys/keys.js';
import { Kind } from './roles.js';
import type { EnrolmentRouteName, SignedRouteName } from './http/route-call.js';

const published = z.strictObject({ version: Version });
const ofPrompt = z.strictObject({ prompt: PromptId });
const items = z.strictObject({ items: Count });
const itemsOfPrompt = z.strictObject({ prompt: PromptId, items: Count });
const ofLabel = z.strictObject({ prompt: PromptId, label: Label, seq: Sequence, version: VersionOrNone });
const ofApproval = ofLabel.extend({ approval: ApprovalId });
const ofInvitation = z.strictObject({ invitation: InvitationId });
const ofEnrolment = z.strictObject({ enrolment: EnrolmentId });
const ofKek = z.strictObject({ kek: Version });
/** What is rotated, and to which key once that is known. */
const ofRotation = z.strictObject({ job: JobId, what: z.enum(['kek', 'root']), target: KeyName.optional() });
const invited = z.strictObject({ enrolment: EnrolmentId, invitation: InvitationId });

/**
 * What the audit log keeps of each act: ids, counts, hashes and codes. Text, names of prompts and people, keys,
 * tokens and addresses have no place here. An act bears the name of its route; a run also ends with an act.
 */
const AUDIT_FACTS = {
  'organisation.create': z.strictObject({ pin: Pin, root: Version, policy: Version, directory: Version }),
  'root.publish': published,
  'policy.publish': published,
  'directory.publish': published,
  'directory.freshen': published,
  /** Who brought it does not matter, and is not known. */
  'organisation.handback': published,
  /** What waited for further people is ended with it. */
  'organisation.resume': published.extend({ ended: Count }),
  'invitation.create': ofInvitation,
  'invitation.list': items,
  'invitation.delete': ofInvitation,
  'enrolment.create': invited,
  'enrolment.get': ofEnrolment,
  'enrolment.list': items,
  'enrolment.approve': invited.extend({ version: Version }),
  'enrolment.refuse': invited,
  'prompt.create': ofPrompt,
  'prompt.list': items,
  'prompt.find': ofPrompt,
  'prompt.get': ofPrompt,
  'prompt.delete': ofPrompt,
  'version.create': z.strictObject({
    prompt: PromptId,
    version: Version,
    chash: Hash,
    grants: Count,
    /** The keys that it was sealed to: who can read it from now on. Entries of earlier versions lack them. */
    to: z.array(Kid).max(GRANTS_MAX).optional(),
  }),
  /** As version.create; its author is the vault, and who asked for it is the actor. */
  'version.entrust': z.strictObject({
    prompt: PromptId,
    version: Version,
    chash: Hash,
    grants: Count,
    /** The first of them, the sender's own before all others. */
    to: z.array(Kid).max(GRANTS_MAX),
  }),
  'version.list': itemsOfPrompt,
  'version.get': z.strictObject({ prompt: PromptId, version: Version, granted: z.boolean() }),
  /** Where the move waits, or had waited, for further people: the approval, and how many of them were there after this. */
  'label.move': ofLabel.extend({ approval: ApprovalId.optional(), given: Count.optional() }),
  'label.list': itemsOfPrompt,
  'label.get': ofLabel,
  'label.confirm': ofLabel,
  'label.chain': z.strictObject({ prompt: PromptId, label: Label, items: Count }),
  'label.all': items,
  'label.freshen': items.extend({ taken: Count }),
  'label.handback': z.strictObject({ prompt: PromptId, label: Label, seq: Sequence, taken: Count }),
  'label.history': z.strictObject({ prompt: PromptId, label: Label, items: Count }),
  'approval.list': items,
  'approval.get': ofApproval,
  'approval.give': ofApproval.extend({ given: Count, moved: z.boolean() }),
  'approval.drop': ofApproval,
  /** `to` has every grant that came, new or not. */
  'grant.add': z.strictObject({
    prompt: PromptId,
    added: Count,
    to: z
      .array(z.strictObject({ version: Version, kid: Kid }))
      .max(GRANTS_MAX)
      .optional(),
  }),
  /** Of a managed name, whose key the vault unwrapped for a responder that the statement names. */
  'grant.make': z.strictObject({ prompt: PromptId, version: Version, kid: Kid }),
  /** So many versions cannot be read by the vault from here on: of a deleted prompt, or of names that the policy manages no more. */
  'wrap.delete': z.strictObject({ prompt: PromptId.optional(), policy: Version.optional(), items: Count }),
  'grant.list': itemsOfPrompt,
  /** Where its recipient found it unfit: of which version and key it was, and with which keys it was posted. */
  'grant.delete': z.strictObject({
    prompt: PromptId,
    whash: Hash,
    unfit: z.strictObject({ version: Version, kid: Kid, posters: z.array(Kid).min(1).max(POSTERS_MAX) }).optional(),
  }),
  'grant.unfit': items,
  /** Somebody may give a key a version again. */
  'grant.clear': z.strictObject({ whash: Hash, by: PosterUrn }),
  'grant.tried': items,
  'grant.collect': z.strictObject({ kid: Kid, items: Count }),
  /** `to` has those that are stored now, new or not; of the others only their number is told. */
  'grant.move': z.strictObject({
    added: Count,
    refused: Count,
    to: z.array(z.strictObject({ prompt: PromptId, version: Version, kid: Kid })).max(GRANTS_MAX),
  }),
  /** Of a stored prompt, which and by which grant; of a chat, how many models may be asked. Their names are words of a stranger. */
  'envelope.issue': z.strictObject({
    envelope: EnvelopeId,
    prompt: PromptId.optional(),
    version: Version.optional(),
    whash: Hash.optional(),
    models: Count.min(1).optional(),
    responder: ResponderUrn,
    uses: Count,
  }),
  'envelope.get': z.strictObject({ envelope: EnvelopeId }),
  /** The claim; a chat has no prompt, and a replay opens nothing. */
  'invocation.run': z.strictObject({
    invocation: InvocationId,
    envelope: EnvelopeId,
    prompt: PromptId.optional(),
    version: Version.optional(),
    replayed: z.boolean(),
  }),
  'invocation.finish': z.strictObject({
    invocation: InvocationId,
    frames: Count,
    finish: z.enum(['stop', 'length', 'tool_calls']),
    /** SHA-256 of the fin's characters: this very reply. Its signature is in it, so nobody can guess what it stands for. */
    fin: Hash,
  }),
  'key.status': items,
  'model.list': z.strictObject({}),
  'key.held': z.strictObject({}),
  /** Counts that a responder brought, and how many of them were new: none where this report was there already. */
  'usage.report': items.extend({ report: UsageReportId, taken: Count }),
  'usage.list': items,
  'key.rotate': ofRotation,
  'job.list': items,
  'job.get': z.strictObject({ job: JobId }),
  'job.cancel': z.strictObject({ job: JobId }),
  /** So many data keys, or of a root key so many keys of organisations, went under the new one. */
  'job.end': ofRotation.extend({ done: Count }),
  /** Data keys go under this one from now on, and no more under the one before. */
  'kek.activate': ofKek.extend({ before: Version.optional() }),
  'kek.destroy': ofKek,
  /** Keys of organisations go under this root key from now on, and no more under the one before. */
  'root.activate': z.strictObject({ root: KeyName, before: KeyName.optional() }),
  'unsealing.get': z.strictObject({ sealed: z.boolean() }),
  /** Which share of which set it was, and how it stood afterwards: one process of the vault, for as long as it runs. */
  'unsealing.give': z.strictObject({ set: Kid, share: Count.min(1), given: Count, sealed: z.boolean() }),
  'audit.list': items,
  'audit.get': z.strictObject({ index: LogPlace }),
  /** Of entries of a log that this key asked for, with an index below; so many had evidence still. */
  'audit.erase': z.strictObject({ log: Count.min(1), actor: Kid, below: LogPlace, items: Count }),
  /** Rows that waited and that nobody could check come into no log: SHA-256 of the leaf of each. */
  'audit.set-aside': items.extend({ leaves: z.array(Hash).max(SET_ASIDE_MAX) }),
  'audit.checkpoint': z.strictObject({}),
  'audit.tile': z.strictObject({}),
  'audit.bundle': z.strictObject({ index: LogPlace, items: Count }),
  'audit.prove': z.strictObject({}),
  /** `by` has the thumbprints of the witnesses' keys, `taken` how many of their cosignatures were newer than what was there. */
  'audit.cosign': z.strictObject({
    log: Count.min(1),
    size: LogPlace,
    by: z.array(Kid).max(WITNESSES_MAX),
    taken: Count,
  }),
  /** The first entry of a log, with what was signed of those before it. */
  'log.begin': z.strictObject({ log: Count.min(1), before: before.optional() }),
  /**
   * The entries of a log from `first` to `last` were kept as long as they have to be, and go: from a day after this on there
   * are only their hashes. With the tree at that time, and what the first entry said of the log before.
   */
  'log.prune': z.strictObject({
    log: Count.min(1),
    first: LogPlace,
    last: LogPlace,
    size: LogPlace,
    root: Hash,
    before: before.optional(),
  }),
} as const satisfies Record<
  | SignedRouteName
  | EnrolmentRouteName
  | 'organisation.create'
  | 'organisation.handback'
  | 'invocation.finish'
  | 'grant.make'
  | 'wrap.delete'
  | 'job.end'
  | 'kek.activate'
  | 'kek.destroy'
  | 'root.activate'
  | 'log.begin'
  | 'log.prune',
  z.ZodObject
>;

export type AuditAct = keyof typeof AUDIT_FACTS;
export type AuditFacts<Act extends AuditAct> = z.input<(typeof AUDIT_FACTS)[Act]>;

/**
 * Who acted: the key that signed the request and what its holder is, a key that asks to be listed, the bearer of the
 * bootstrap secret, or anybody, where documents speak for themselves.
 */
const Actor = z.discriminatedUnion('type', [
  z.strictObject({ type: Kind, kid: Kid }),
  z.strictObject({ type: z.literal('enrolment'), kid: Kid }),
  z.strictObject({ type: z.literal('bootstrap') }),
  z.strictObject({ type: z.literal('documents') }),
  /** The service itself. */
  z.strictObject({ type: z.literal('service') }),
]);

const base = {
  v: z.literal(1),
  who: Actor,
  /** Nonce of the signed request. */
  req: base64urlText(86).optional(),
  /** SHA-256 of the evidence: signature base and signature of the request. */
  ev: Hash.optional(),
};
type Base = z.input<z.ZodObject<typeof base>>;

type Done<Act extends AuditAct> = Base & { act: Act; res: 'ok'; obj: AuditFacts<Act> };
/** Refused, or failed; what is known of the facts by then is kept. */
type Refused<Act extends AuditAct> = Base & {
  act: Act;
  res: 'denied' | 'error';
  why: ProblemCode;
  obj: Partial<AuditFacts<Act>>;
};
/** Requests of one minute that were refused with one code before anybody was authenticated. */
interface RefusedStrangers {
  v: 1;
  act: 'request.refuse';
  res: 'denied';
  why: ProblemCode;
  obj: { count: number };
}

/** What an entry of the audit log says; `AuditLeaf` adds which entry it is, when and in whose log. */
export type AuditEvent = { [Act in AuditAct]: Done<Act> | Refused<Act> }[AuditAct] | RefusedStrangers;

const entries = Object.entries(AUDIT_FACTS).map(([act, facts]) =>
  z.discriminatedUnion('res', [
    z.strictObject({ ...base, act: z.literal(act), res: z.literal('ok'), obj: facts }),
    z.strictObject({
      ...base,
      act: z.literal(act),
      res: z.enum(['denied', 'error']),
      why: ProblemCode,
      obj: facts.partial(),
    }),
  ]),
);
const strangers = z.strictObject({
  v: z.literal(1),
  act: z.literal('request.refuse'),
  res: z.literal('denied'),
  why: ProblemCode,
  obj: z.strictObject({ count: Count.min(1) }),
});

/** The closed union of all entries, for code that writes or reads the log. */
export const AuditEvent: z.ZodType<AuditEvent> = z.discriminatedUnion('act', [strangers, ...entries]) as never;

/** Whether a problem is a decision against the caller or a failure of ours. */
export function auditResult(code: ProblemCode): 'denied' | 'error' {
  return PROBLEMS[code].status >= 500 ? 'error' : 'denied';
}
