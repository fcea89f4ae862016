export { databaseForTest, type TestDatabase, type TestDatabaseSources } from './database-for-test.js';
export { type CompletionCount, FakeOpenai, startFakeOpenai } from './fake-openai.js';
export type { FakeFault, FakeReply, FakeScript, FakeToolCallDelta, FakeUsage } from './fake-openai-script.js';
export { freePorts } from './free-ports.js';
export { parseScript } from './parse-script.js';
export { findPostgres, type PostgresPrograms } from './postgres-programs.js';
export { RecordedRequest, type RequestEnd } from './recorded-request.js';
export { isLongRun, randomFrom, sampled, seedOfRun } from './sampling.js';
export { startTestPostgres, type TestPostgres, type TestPostgresOptions } from './test-postgres.js';
