export { Answer } from './answer.js';
export type { AnswerOptions } from './answer.js';
export type { AuditEntry } from './audit-record.js';
export type { Caller, RequestFacts, Signatory } from './caller.js';
export { ArrivedAt, CurrentCaller, CurrentWork, OwnKey, RequestId } from './current-caller.js';
export type { Work } from './current-caller.js';
export { Clock } from './clock.js';
export { agreesWith, ClockDrift } from './clock-drift.js';
export { createService } from './create-service.js';
export type { ServiceOptions } from './create-service.js';
export { connectDatabase } from './database.js';
export type { Database, DatabaseOptions, MigrateHow, PoolState } from './database.js';
export { brokenConstraint, databaseFault } from './database-fault.js';
export type { DatabaseFault } from './database-fault.js';
export { databasePlace, DatabaseTrouble, databaseTrouble } from './database-trouble.js';
export { openPglite } from './database-types.js';
export type { EdgeOptions } from './edge-options.js';
export { edgeSettings } from './edge-settings.js';
export { EventLog } from './event-log.js';
export type { EventLogOptions, LogEvent, LogLevel } from './event-log.js';
export type { Limits } from './limits.js';
export type { Probe } from './health.js';
export { Ledger } from './ledger.js';
export type { Effect, RunOptions } from './ledger.js';
export { ledgerMigrations } from './ledger-tables.js';
export type { AuditEventTable, HttpNonceTable, IdempotencyTable, LedgerTables } from './ledger-tables.js';
export { Metrics } from './metrics.js';
export { openapiDocument } from './openapi.js';
export type { OpenapiDocument } from './openapi.js';
export { openEdge } from './open-store.js';
export type { OwnKeySignature } from './own-key-signature.js';
export { problemOf } from './problem-of.js';
export { purgeInBatches } from './purge.js';
export { BasedOn, Route, RouteBody, RouteHeaders, RouteParams, RouteQuery } from './route.js';
export type { BodyOf, Handled, HeadersOf, ParamsOf, QueryOf } from './route.js';
export { RATES } from './rates.js';
export type { Rates } from './rates.js';
export type { ServiceName } from './route-table.js';
export type { Host } from './serve.js';
export { serveUntilSignal } from './serve.js';
export type { ListenOptions, Service } from './service.js';
export { KeyFileError, readKeyFile, ServiceKeys } from './service-keys.js';
export {
  authoritiesOf,
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
} from './setting-values.js';
export { isMarkOurs, markOfNow } from './restore-mark.js';
export type { RestoreMarkTable } from './restore-mark.js';
export { readSettings, SettingsError } from './settings.js';
export type { Environment, Settings, SettingsShape } from './settings.js';
export { SharedStore } from './shared-store.js';
export { TrustSource } from './trust-source.js';
