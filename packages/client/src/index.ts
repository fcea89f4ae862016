export type { AnswerEntry, AnswerEntryName, AnswerInLogs } from './audit/answer-in-logs.js';
export type { SetAsideRows } from './audit/set-aside.js';
export type { EraseChoice } from './audit/erase-in.js';
export type { Audit, ListChoice, LiveVerdict, LogChoice, ProvedEntry } from './audit/audit.js';
export type { HeardLogs, LogDoubt, NoteAtHand } from './audit/heard-logs.js';
export type { IncludedEntry } from './audit/proved-entries.js';
export type { UnreachedService } from './audit/audit-services.js';
export type { AuditFilter, ListedEntry } from './audit/audit-entries.js';
export type { AuditStreamParts } from './audit-stream/audit-stream.js';
export { AuditStream } from './audit-stream/audit-stream.js';
export type { DeadLetter } from './audit-stream/dead-letter.js';
export type { Resent } from './audit-stream/resend.js';
export { resend } from './audit-stream/resend.js';
export type { StreamEvent } from './audit-stream/stream-events.js';
export type { StreamSink } from './audit-stream/stream-sink.js';
export { EXAMPLE_ENTERPRISE } from './audit-stream/syslog-message.js';
export type { ExportedAudit, ExportedLog, ExportProgress } from './audit/bundle/audit-export.js';
export type {
  AuditVerdict,
  LogCheck,
  LogCheckName,
  LogFailure,
  LogVerdict,
  OlderExport,
} from './audit/audit-verdict.js';
export { hasLoss, isChainGood } from './audit/audit-verdict.js';
export type { FoundLoss } from './audit/loss/log-loss.js';
export { acceptLossesUnder } from './audit/loss/accept-losses.js';
export { misfitsText } from './audit/evidence/evidence-words.js';
export type { Misfit } from './audit/evidence/misfit.js';
export type { BundleFolder } from './audit/bundle/bundle-folder.js';
export type { EntryEvidence } from './audit/log-source.js';
export type { SeenLog } from './audit/seen-heads.js';
export type { ForkEvidence, WitnessedNow, WitnessMemory, WitnessPass, WitnessState } from './witnesses/witness.js';
export type { WitnessedLog, WitnessSight } from './witnesses/witnessed-log.js';
export type { BundleVerdict, VerifyBundleOptions } from './audit/bundle/verify-bundle.js';
export { verifyAnswerInBundle, verifyBundle } from './audit/bundle/verify-bundle.js';
export type {
  AskerMessage,
  Completion,
  CompletionChoice,
  CompletionChunk,
  CompletionUsage,
  Embedding,
  EmbeddingList,
  ModelParameters,
} from '@bulla/crypto';
export type { AnsweredPrompt, ChatAnswer, Said } from './runs/answer.js';
export { Answer } from './runs/answer.js';
export type { ApiAnswer, ApiCall } from './connection/api-call.js';
export type { Approvals, PendingApproval, ProposedApproval } from './labels/approvals.js';
export type { ConnectOptions } from './bulla.js';
export type { RunnablePrompt } from './runs/runnable-prompt.js';
export type { AppSurfaceOptions } from './apps/app-call.js';
export type { AnswerKeeper } from './apps/app-request.js';
export type { OpenaiSdk } from './apps/openai-sdk.js';
export type { VerifyAnswerFileOptions } from './bulla.js';
export { Bulla, verifyAnswerFile } from './bulla.js';
export type { DeviceRequest, Terms } from './people/device-requests.js';
export type { EnrolmentOptions, EnrolmentOutcome, PendingEnrolment } from './people/enrolment.js';
export { Enrolment, isInvitationGone, prepareEnrolment } from './people/enrolment.js';
export type { BullaErrorCode, BullaErrorOptions, ErrorDetails } from './connection/errors.js';
export {
  AuthError,
  BullaError,
  ConflictError,
  NotFoundError,
  RateLimitError,
  TrustError,
  UpstreamError,
  VerifyError,
} from './connection/errors.js';
export type { Grants, LackingVersion, ResealedVersion, Unshared, VersionsToSeal } from './prompts/grants.js';
export type { HandedBack, KeptBeyond, KeptLabel } from './trust/handing-back.js';
export type { OfferedModels } from './runs/offered-models.js';
export type { AddedUsage, UsageBy, UsageChoice, UsageCounts } from './usage/usage.js';
export { Usage } from './usage/usage.js';
export type { Identity } from './connection/identity.js';
export { identityOf } from './connection/identity.js';
export type { HeldLabels } from './labels/held-labels.js';
export type { AdoptablePosition, LabelAdoption, LabelSigner } from './labels/label-adoption.js';
export type { ConfirmedLabel } from './labels/label-confirmation.js';
export type { LabelFork } from './labels/label-heads.js';
export type { BelowRule, LabelRules } from './labels/label-rules.js';
export type { OrganisationKeys, ServiceKey, StandingKeys } from './keys/organisation-keys.js';
export type { LabelOutcome } from './labels/label-moves.js';
export type { MissingWords } from './labels/missing-words.js';
export type { InvitationRecord, InvitationRecords } from './people/invitation-records.js';
export type { DirectoryChange, RevocationReason } from './trust/next-directory.js';
export { LOG_KEY_LIFE, readmitOwner } from './trust/next-directory.js';
export type { ServiceKind } from './trust/services.js';
export { serviceKindOf, servicesOf } from './trust/services.js';
export type { OpenedVersion } from './prompts/open-version.js';
export type { WidelyRead } from './prompts/other-readers.js';
export type { ListedDevice } from './people/listed-device.js';
export type { AcceptedKeys, AcceptOptions, ListedInvitation, Offer, People } from './people/people.js';
export type { Prompts, PromptVersions, PushedPrompt, VersionChoice } from './prompts/prompts.js';
export type { PresentVersion, ProposedMove } from './labels/proposed-move.js';
export type { PiiMode, PiiOptions, PiiReport, PiiSettings } from './pii/pii-settings.js';
export { isPiiDetector, PII_MODES, piiHeader } from './pii/pii-settings.js';
export type { RootChange, RootRole } from './trust/next-root.js';
export { nextRoot, ROOT_ROLES } from './trust/next-root.js';
export type { ProposalDeskOptions, SigningPlan } from './trust/proposal-desk.js';
export { ProposalDesk } from './trust/proposal-desk.js';
export type { ProposedChange } from './trust/proposing.js';
export { movedProposal, propose } from './trust/proposing.js';
export { openSigned } from './trust/signed-payloads.js';
export { SeveralSign } from './trust/several-sign.js';
export type { Publication } from './trust/publishing.js';
export { publishOrganisation } from './trust/publishing.js';
export type { RenewalRound, RenewerOptions } from './renewer/renewer.js';
export type { HeldBack } from './renewer/renewer-judgement.js';
export { Renewer } from './renewer/renewer.js';
export type { AdoptableLabel, OtherWord, RenewerAdoption } from './renewer/renewer-adoption.js';
export { firstMemory } from './renewer/renewer-adoption.js';
export type { RenewerIdentity } from './renewer/renewer-identity.js';
export { renewerIdentityOf } from './renewer/renewer-identity.js';
export type { RestoredVault } from './trust/restored-vault.js';
export type { HeldBesideListed } from './people/held-beside-listed.js';
export type { NamedVersion, OlderKey, RetirementPlan } from './people/retirement-plan.js';
export type { RetirementOptions } from './people/retirement.js';
export type { RevocationPlan, WrittenVersion } from './people/revocation.js';
export type { RunEvent, RunOptions } from './runs/runs.js';
export type { ChatEvent, ChatOptions, ChatRequest } from './chats/chats.js';
export { ChatCompletions } from './chats/chats.js';
export type { EmbeddedTexts, EmbeddingsRequest } from './chats/embeddings.js';
export { Embeddings } from './chats/embeddings.js';
export type { PromptDraft } from './prompts/seal-version.js';
export type { SignedPayload, TrustState, TrustStore } from './trust/trust-store.js';
export { MemoryTrustStore } from './trust/trust-store.js';
export type { LabelDates } from './labels/label-dates.js';
export { tlsFaultInWords } from './connection/unreachable.js';
export { isLoopback } from './connection/loopback.js';
export { upstreamWords } from './connection/upstream-words.js';
export type { UnsealingState, VaultUnsealing } from './unsealing/vault-unsealing.js';
export type { UpstreamFault } from './connection/upstream-words.js';
