import { modelSettings, runSettings } from '@bulla/responder';
import type { Environment, Settings } from '@bulla/service-kit';
import {
  auditRetentionSetting,
  caFileSetting,
  databaseUrlSetting,
  edgeSettings,
  hostSetting,
  logFormatSetting,
  logLevelSetting,
  migrateSetting,
  pathSetting,
  portSetting,
  publicUrlSetting,
  readSettings,
} from '@bulla/service-kit';
import { rootKeySettings, usageSettings } from '@bulla/vault';

export const standaloneSettings = {
  BULLA_HOME: pathSetting.optional(),
  BULLA_HOST: hostSetting,
  BULLA_VAULT_PORT: portSetting(4100),
  BULLA_RESPONDER_PORT: portSetting(4200),
  /** Of the vault; the responder's is the next. */
  BULLA_METRICS_PORT: portSetting(9464),
  BULLA_PUBLIC_URL: publicUrlSetting,
  /** The command has done it by then. */
  BULLA_CA_FILE: caFileSetting,
  BULLA_DATABASE_URL: databaseUrlSetting,
  BULLA_AUDIT_RETENTION_DAYS: auditRetentionSetting,
  BULLA_LOG_LEVEL: logLevelSetting,
  BULLA_LOG_FORMAT: logFormatSetting,
  BULLA_MIGRATE: migrateSetting,
  ...edgeSettings,
  ...runSettings,
  ...modelSettings,
  ...rootKeySettings,
  ...usageSettings,
};

/** Everything that `bulla up` takes from the environment. */
export type StandaloneSettings = Settings<typeof standaloneSettings>;

/**
 * Reads the settings of both services in one process.
 * @throws {SettingsError} naming each bad or unknown variable, where it came from and what was expected
 */
export function readStandaloneSettings(source: Environment): StandaloneSettings {
  return readSettings(standaloneSettings, source);
}
