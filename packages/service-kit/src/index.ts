export { Answer } from './route/answer.js';
export type { AnswerOptions } from './route/answer.js';
export type { AuditEntry } from './audit/audit-record.js';
export type { Caller, Founder, RequestFacts, Signatory } from './authentication/caller.js';
export {
  ArrivedAt,
  CurrentCaller,
  CurrentFounder,
  CurrentWork,
  IsSecure,
  OwnKey,
  RequestId,
} from './authentication/current-caller.js';
export type { Work } from './authentication/current-caller.js';
export { Clock } from './process/clock.js';
export { agreesWith, ClockDrift } from './database/clock-drift.js';
export { createService } from './create-service.js';
export type { ServiceOptions } from './create-service.js';
export { connectDatabase } from './database/database.js';
export type { Database, DatabaseOptions, MigrateHow, PoolState } from './database/database.js';
export { brokenConstraint, databaseFault } from './database/database-fault.js';
export type { DatabaseFault } from './database/database-fault.js';
export { databasePlace, DatabaseTrouble, databaseTrouble } from './database/database-trouble.js';
export { openPglite } from './database/database-types.js';
export { InFlight } from './edge/admission.js';
export type { EdgeOptions } from './edge/edge-options.js';
export { edgeSettings } from './edge/edge-settings.js';
export { isSecure } from './edge/secure-connections.js';
export { EventLog } from './observe/event-log.js';
export type { EventLogOptions, LogLevel } from './observe/event-log.js';
export { LogEvent } from './observe/event-log.js';
export { NewestCheckpoint } from './audit-log/newest-checkpoint.js';
export { PROBE_FAILED } from './observe/health.js';
export { TRUST_FORK, TRUST_LOADED, TRUST_NOT_LOADED } from './observe/trust-events.js';
export type { Limits } from './limits/limits.js';
export type { Probe } from './observe/health.js';
export { Ledger } from './audit/ledger.js';
export type { Effect, RunOptions } from './audit/effect.js';
export { RowSecrets } from './audit/row-secrets.js';
export { ledgerMigrations } from './audit/ledger-tables.js';
export type { HttpNonceTable, IdempotencyTable, LedgerTables } from './audit/ledger-tables.js';
export { ActAtOnce } from './audit/act-at-once.js';
export type { OnceParts } from './audit/one-statement.js';
export { WriteOnce } from './audit/one-statement.js';
export { SharedReads } from './database/shared-reads.js';
export { asText, Statement } from './database/statement.js';
export { auditOfAct, auditOfDocuments, auditOfService } from './audit/audit-record.js';
export { GroupedChange } from './audit/grouped-change.js';
export { AuditedChange, AuditOutbox } from './audit/outbox.js';
export { decodeCursor, encodeCursor } from './paging/cursor.js';
export { pageOf } from './paging/page.js';
export type { Page } from './paging/page.js';
export { Metrics } from './observe/metrics.js';
export { openapiDocument } from './route/openapi.js';
export type { OpenapiDocument } from './route/openapi.js';
export { openEdge } from './limits/open-store.js';
export type { OwnKeySignature } from './authentication/own-key-signature.js';
export { problemOf } from './edge/problem-of.js';
export { purgeInBatches } from './audit/purge.js';
export { Roll } from './process/roll.js';
export type { Chore } from './process/chores.js';
export { Chores } from './process/chores.js';
export { BasedOn, Route, RouteBody, RouteHeaders, RouteParams, RouteQuery } from './route/route.js';
export type { BodyOf, Handled, HeadersOf, ParamsOf, QueryOf } from './route/route.js';
export { RateLimits } from './limits/rate-limits.js';
export { RATES } from './limits/rates.js';
export type { Rates } from './limits/rates.js';
export type { ServiceName } from './route/route-table.js';
export type { Host } from './serve.js';
export type { LookedFrom, ServiceDefinition, ServiceParts } from './run-service.js';
export { packageVersion, runService, settingsOf } from './run-service.js';
export { serveUntilSignal } from './serve.js';
export type { ListenOptions, Service } from './service.js';
export { KeyFileError } from './authentication/private-file.js';
export { readKeyFile, ServiceKeys } from './authentication/service-keys.js';
export {
  authoritiesOf,
  auditRetentionSetting,
  bootstrapSecretSetting,
  databaseUrlSetting,
  hostSetting,
  logFormatSetting,
  logLevelSetting,
  migrateSetting,
  pathSetting,
  pinSetting,
  portSetting,
  publicUrlSetting,
  urlSetting,
  wholeNumberSetting,
} from './process/setting-values.js';
export { isMarkOurs, markOfNow } from './database/restore-mark.js';
export type { RestoreMarkTable } from './database/restore-mark.js';
export { readSettings, SettingsError } from './process/settings.js';
export type { AskHidden } from './process/hidden-line.js';
export { askHiddenAt } from './process/hidden-line.js';
export type { Environment, Settings, SettingsShape } from './process/settings.js';
export { SharedStore } from './limits/shared-store.js';
export { trustAuthorities } from './tls/authorities.js';
export { readBounded } from './tls/bounded-file.js';
export { caFileSetting } from './tls/tls-settings.js';
export { PacedLook } from './authentication/paced-look.js';
export { TrustSource } from './authentication/trust-source.js';
export { TokenFault } from './token/token-fault.js';
export type { TokenPlace } from './token/token-place.js';
export { tokenPlace, TokenPlaceRefused } from './token/token-place.js';
export type { TokenAnswer } from './token/token-process.js';
export { isBindingBuilt } from './token/token-process.js';
export type { TokenTimes } from './token/token-session.js';
export { TOKEN_TIMES, TokenSession } from './token/token-session.js';
