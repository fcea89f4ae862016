export { SignedClient } from './testing/client.js';
export type { Asker, SendOptions, SignedClientOptions, TestResponse } from './testing/client.js';
export { TestClock } from './testing/clock.js';
export { commitSettings } from './testing/commit-settings.js';
export { setUpMarkFolder } from './testing/mark-folder.js';
export { OpenapiContract } from './testing/openapi.js';
export { openGate, outboxForTest } from './testing/outbox.js';
export { exchangeRaw } from './testing/raw-socket.js';
export type { RawAnswer } from './testing/raw-socket.js';
