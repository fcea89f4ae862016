export { Answer } from './answer.js';
export type { ApiAnswer, ApiCall } from './api-call.js';
export type { Approvals, PendingApproval, ProposedApproval } from './approvals.js';
export type { ConnectOptions, RunnablePrompt } from './bulla.js';
export type { VerifyAnswerFileOptions } from './bulla.js';
export { Bulla, verifyAnswerFile } from './bulla.js';
export type { DeviceRequest, Terms } from './device-requests.js';
export type { EnrolmentOptions, EnrolmentOutcome, PendingEnrolment } from './enrolment.js';
export { Enrolment, isInvitationGone, prepareEnrolment } from './enrolment.js';
export type { BullaErrorCode } from './errors.js';
export {
  AuthError,
  BullaError,
  ConflictError,
  NotFoundError,
  RateLimitError,
  TrustError,
  UpstreamError,
  VerifyError,
} from './errors.js';
export type { Grants, LackingVersion, ResealedVersion, VersionsToSeal } from './grants.js';
export type { HandedBack, KeptBeyond, KeptLabel } from './handing-back.js';
export type { Identity } from './identity.js';
export { identityOf } from './identity.js';
export type { HeldLabels } from './held-labels.js';
export type { AdoptablePosition, LabelAdoption, LabelSigner } from './label-adoption.js';
export type { ConfirmedLabel } from './label-confirmation.js';
export type { LabelFork } from './label-heads.js';
export type { BelowRule, LabelRules } from './label-rules.js';
export type { LabelOutcome } from './label-moves.js';
export type { MissingWords } from './missing-words.js';
export type { InvitationRecord, InvitationRecords } from './invitation-records.js';
export type { RevocationReason } from './next-directory.js';
export type { OpenedVersion } from './open-version.js';
export type { WidelyRead } from './other-readers.js';
export type { AcceptedKeys, ListedDevice, ListedInvitation, Offer, People } from './people.js';
export type { Prompts, PromptVersions, PushedPrompt, VersionChoice } from './prompts.js';
export type { PresentVersion, ProposedMove } from './proposed-move.js';
export type { Publication } from './publishing.js';
export { publishOrganisation } from './publishing.js';
export type { RenewalRound, RenewerOptions } from './renewer.js';
export type { HeldBack } from './renewer-judgement.js';
export { Renewer } from './renewer.js';
export type { AdoptableLabel, OtherWord, RenewerAdoption } from './renewer-adoption.js';
export { firstMemory } from './renewer-adoption.js';
export type { RenewerIdentity } from './renewer-identity.js';
export { renewerIdentityOf } from './renewer-identity.js';
export type { RestoredVault } from './restored-vault.js';
export type { RevocationPlan, WrittenVersion } from './revocation.js';
export type { RunEvent, RunOptions } from './runs.js';
export type { PromptDraft } from './seal-version.js';
export type { TrustState, TrustStore } from './trust-store.js';
export { MemoryTrustStore } from './trust-store.js';
export type { LabelDates } from './label-dates.js';
export { upstreamWords } from './upstream-words.js';
export type { UpstreamFault } from './upstream-words.js';
