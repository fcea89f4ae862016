export { responderMigrations } from './database/migrations.js';
export type { ResponderTables } from './database/types.js';
export type { Model } from './models/model.js';
export type { ModelSettings } from './models/model-settings.js';
export { createModel, modelSettings } from './models/model-settings.js';
export { loadUnwrappers } from './opener/unwrappers.js';
export type { ResponderConfig } from './responder.js';
export { createResponder } from './responder.js';
export { responderSettings } from './start.js';
