import type { Environment, Host } from '@bulla/service-kit';
import { serveUntilSignal } from '@bulla/service-kit';
import { startResponder } from './start.js';

/** Serves until a signal comes. */
export function serve(environment: Environment, host: Host): Promise<void> {
  return serveUntilSignal('responder', () => startResponder(environment), host);
}
