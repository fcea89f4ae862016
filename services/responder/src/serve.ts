import type { Environment, Host } from '@bulla/service-kit';
import { runService, serveUntilSignal } from '@bulla/service-kit';
import { responderDefinition } from './definition.js';

/** Serves until a signal comes. */
export function serve(environment: Environment, host: Host): Promise<void> {
  return serveUntilSignal(responderDefinition.name, () => runService(responderDefinition, environment), host);
}
