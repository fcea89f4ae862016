import type { ServiceDefinition } from '@bulla/service-kit';
import { packageVersion, pinSetting, portSetting, settingsOf, urlSetting } from '@bulla/service-kit';
import { responderMigrations } from './database/migrations.js';
import type { ResponderTables } from './database/types.js';
import { answerLimitsOf, runLimitsOf, runSettings } from './invocations/run-settings.js';
import { warnOfFreedMemory } from './memory/freed-memory.js';
import type { ModelRegistry } from './models/model-registry.js';
import { modelSettings } from './models/model-settings.js';
import { openModels } from './models/open-models.js';
import { loadUnwrappers } from './opener/unwrappers.js';
import { createResponder } from './responder.js';

const settings = {
  BULLA_RESPONDER_PORT: portSetting(4200),
  BULLA_VAULT_URL: urlSetting,
  BULLA_PIN: pinSetting,
  ...runSettings,
  ...modelSettings,
};

/** A responder on its own. */
export const responderDefinition: ServiceDefinition<ResponderTables, typeof settings, ModelRegistry> = {
  name: 'responder',
  version: packageVersion(import.meta.url),
  migrations: responderMigrations,
  settings,
  metricsPort: 9465,
  portOf: ({ BULLA_RESPONDER_PORT }) => BULLA_RESPONDER_PORT,
  look: (_database, own, { environment }) => openModels(own, environment),
  async create(parts, own, { keyFile, environment, looked: models }) {
    warnOfFreedMemory(environment, parts.log);
    return createResponder({
      ...parts,
      unwrappers: await loadUnwrappers(keyFile),
      pin: own.BULLA_PIN,
      vaultUrl: own.BULLA_VAULT_URL,
      models,
      runLimits: runLimitsOf(own),
      answerLimits: answerLimitsOf(own),
    });
  },
};

/** What it takes from the environment. */
export const responderSettings = settingsOf(responderDefinition);
