export {
  Approval,
  ApprovalPage,
  ApprovalQuery,
  LabelMoveResult,
  NewApprovalTag,
  PendingMove,
} from './labels/approvals.js';
export { Bundle, EnvelopeStatus, NewChatEnvelope, NewEnvelope, NewPromptEnvelope } from './envelopes/envelopes.js';
export {
  AuditBundle,
  AuditCheckpoints,
  AuditEntry,
  AuditEntryPage,
  AuditErasure,
  AuditSetAside,
  AuditProofs,
  AuditRecord,
  AuditTile,
  Note,
  TILE_WIDTH,
} from './audit/audit.js';
export { COSIGNATURES_BODY_BYTES_MAX, KeptCosignatures, NewCosignatures } from './audit/cosignatures.js';
export { encodeLeaf, parseLeaf } from './audit/leaf.js';
export type { AuditLeaf, AuditStamp } from './audit/leaf.js';
export type { ActorType, RequestFit } from './brought-about.js';
export { actorsOf, BROUGHT_ABOUT, fitOf, isChange, refusedActorsOf, routesOf } from './brought-about.js';
export { AuditEvent, auditResult } from './events.js';
export type { AuditAct, AuditFacts } from './events.js';
export {
  AcceptedGrants,
  GrantDeletion,
  GrantPage,
  GrantQuery,
  GrantSummary,
  MovedGrant,
  MovedGrants,
  NewGrants,
  OwnGrant,
  OwnGrantPage,
  OwnGrantQuery,
  TriedGrant,
  TriedGrantPage,
  TriedGrantQuery,
  UnfitGrant,
  UnfitGrantClearing,
  UnfitGrantPage,
  UnfitGrantQuery,
  UNMOVED,
} from './envelopes/grants.js';
export { entityTag, IdempotencyKey, IfMatch } from './http/headers.js';
export { LostDocuments, LostMoves, RestoredVault, ResumedVault, TakenMoves } from './organisations/handing-back.js';
export { tlsFaultOf } from './http/tls-faults.js';
export type { TlsFault } from './http/tls-faults.js';
export { Health, ServiceIndex } from './http/health.js';
export {
  ApprovalId,
  DeviceUrn,
  EnrolmentId,
  EnvelopeId,
  Group,
  Hash,
  InvitationId,
  InvocationId,
  JobId,
  Kid,
  Label,
  LogOrigin,
  Organisation,
  Pin,
  PosterUrn,
  PromptId,
  PromptName,
  ResponderUrn,
  Timestamp,
  Urn,
  UsageReportId,
  UserUrn,
} from './ids.js';
export { HeldKeys, Job, JobPage, JobQuery, KeyStatus, NewRotation } from './keys/keys.js';
export { NewShare, Unsealing } from './unsealing/unsealing.js';
export { NewInvocation, Reply, ReplyEvent } from './invocations/invocations.js';
export type { ModelCapability } from './invocations/models.js';
export { MODEL_CAPABILITIES, ModelList, ModelName } from './invocations/models.js';
export {
  AcceptedFreshness,
  LabelChain,
  LabelChainQuery,
  LabelHistory,
  LabelHistoryQuery,
  LabelList,
  LabelMove,
  LabelPosition,
  LabelTuple,
  MovedLabel,
  NewLabelFreshness,
  NewLabelTag,
  StandingLabel,
  StandingLabelPage,
  StandingLabelQuery,
} from './labels/labels.js';
export {
  BODY_BYTES_MAX,
  CHAT_BODY_BYTES_MAX,
  CHAT_MODELS_MAX,
  CHAT_USES_MAX,
  DIRECTORIES_PER_DAY,
  DIRECTORY_HASHES_PAGE,
  EARLIER_DIRECTORIES_MAX,
  FRESH_MAX,
  FRESH_POSTED_MAX,
  GRANTS_MAX,
  POSTERS_MAX,
  INVOCATION_BODY_BYTES_MAX,
  LABELS_MAX,
  MOVES_MAX,
  ORGANISATION_BODY_BYTES_MAX,
  PUSHED_TAGS_MAX,
  SET_ASIDE_MAX,
  USAGE_COUNTS_MAX,
} from './http/limits.js';
export { Sequence, Version, VersionOrNone } from './numbers.js';
export {
  AcceptedDocument,
  AcceptedOrganisation,
  DirectoryFreshness,
  DirectoryHashesQuery,
  DirectoryHashPage,
  NewDirectory,
  NewDirectoryFreshness,
  NewOrganisation,
  NewPolicy,
  NewRoot,
  SignedDocument,
} from './organisations/organisations.js';
export { Cursor } from './http/paging.js';
export {
  ApprovedEnrolment,
  DeviceLabel,
  DeviceRole,
  Enrolment,
  EnrolmentPage,
  EnrolmentQuery,
  EnrolmentRequest,
  Invitation,
  InvitationPage,
  InvitationQuery,
  NewEnrolment,
  NewInvitation,
} from './people/people.js';
export { ALL_PROBLEMS, CLIENT_PROBLEMS } from './http/client-problems.js';
export type { ClientProblemCode } from './http/client-problems.js';
export type { ErrorKind, ExitName } from './http/problem-entry.js';
export { PROBLEMS } from './http/problem-record.js';
export {
  Problem,
  ProblemCode,
  ProblemDocument,
  problemDocument,
  ProblemError,
  ProblemOrigin,
} from './http/problems.js';
export type { ProblemOptions, ProblemPlace } from './http/problems.js';
export { NewPrompt, Prompt, PromptNameQuery, PromptPage, PromptQuery, PromptType } from './prompts/prompts.js';
export { Kind, may, PERMISSIONS, Role } from './roles.js';
export type { Permission } from './roles.js';
export type { Route } from './http/route.js';
export type {
  EnrolmentRouteName,
  RouteBody,
  RouteName,
  RouteParams,
  RouteQuery,
  RouteResponse,
  SignedRouteName,
} from './http/route-call.js';
export type { FoundRoute } from './http/route-of.js';
export { routeOf } from './http/route-of.js';
export { EDGE_PROBLEMS, problemsOf } from './http/route-problems.js';
export { ROUTES } from './routes.js';
export { groupOf, ROUTE_GROUPS } from './http/route-groups.js';
export { targetOf } from './http/target.js';
export type { TemplatePiece } from './prompts/template.js';
export {
  parseTemplate,
  renderTemplate,
  TemplateError,
  templateVariables,
  VARIABLE_PATTERN,
} from './prompts/template.js';
export { ContentToken, FreshToken, Token } from './tokens.js';
export {
  AcceptedVersion,
  NewClearVersion,
  NewVersion,
  SealedVersion,
  VersionPage,
  VersionQuery,
  VersionSummary,
} from './prompts/versions.js';
export { ClearStatement } from './prompts/clear-statement.js';
export {
  AcceptedUsage,
  Cost,
  CURRENCIES_MAX,
  NewUsage,
  REPORT_RUNS_MAX,
  RUN_NANOS_MAX,
  RUN_TOKENS_MAX,
  USAGE_SUM_MAX,
  UsageBy,
  UsageCount,
  UsagePage,
  UsageQuery,
  UsageSum,
} from './usage/usage.js';
