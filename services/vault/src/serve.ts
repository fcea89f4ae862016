import type { Environment, Host } from '@bulla/service-kit';
import { askHiddenAt, runService, serveUntilSignal } from '@bulla/service-kit';
import { vaultDefinition } from './definition.js';

/** Serves until a signal comes. A passphrase that no setting says is asked for where it is started by hand. */
export function serve(environment: Environment, host: Host): Promise<void> {
  return serveUntilSignal(
    vaultDefinition.name,
    () => runService(vaultDefinition, environment, askHiddenAt(host)),
    host,
  );
}
