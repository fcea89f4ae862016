export { databaseForTest, type TestDatabase, type TestDatabaseOptions } from './database-for-test.js';
export { FakeAnthropic, startFakeAnthropic } from './fake-anthropic/fake-anthropic.js';
export type { FakeMessageReply, FakeMessageScript, FakeToolUse } from './fake-anthropic/fake-anthropic-script.js';
export { type CompletionCount, FakeOpenai, startFakeOpenai } from './fake-openai.js';
export type { FakeFault, FakeReply, FakeScript, FakeToolCallDelta, FakeUsage } from './fake-openai-script.js';
export { freePorts } from './free-ports.js';
export { parseScript } from './parse-script.js';
export { findPostgres, type PostgresPrograms } from './postgres-programs.js';
export { folderForTest, pgliteForTest, placePglite, type TestPglite } from './pglite-for-test.js';
export { type Preparations, prepareTestRun } from './prepare-test-run.js';
export { RecordedRequest, type RequestEnd } from './recorded-request.js';
export { type PartOfMany, takePart } from './part-of-many.js';
export { isLongRun, randomFrom, sampled, seedOfRun } from './sampling.js';
export { findSoftHsm, SoftHsm, tokenProcesses } from './soft-hsm.js';
export { committedKeyPair, type TestKeyPair } from './test-keys.js';
export {
  placeTestCertificate,
  testCertificate,
  type TestCertificate,
  type TestCertificateName,
} from './test-certificates.js';
export { openWire, type Wire } from './wire.js';
export { growthOf, type PlanMode, type Sent, statementsOf } from './statement-plans.js';
export { startTestPostgres, type TestPostgres, type TestPostgresOptions } from './test-postgres.js';
