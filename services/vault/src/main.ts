import { startVault } from './start.js';

/** One line for whatever stopped the start: settings and key files say what is wrong with them, drivers only their code. */
function complain(error: unknown): void {
  const { exitCode, message, code } = error as { exitCode?: unknown; message?: unknown; code?: unknown };
  const isOurs = exitCode === 78 && typeof message === 'string';
  const reason = isOurs ? message : `could not start (${typeof code === 'string' ? code : 'unknown cause'})`;
  process.stderr.write(`bulla: error: ${reason}\n`);
  process.exitCode = isOurs ? 78 : 1;
}

try {
  const service = await startVault(process.env);
  let closing: Promise<void> | undefined;
  // A signal to the process group arrives twice; the second one means the same.
  const close = (): void => {
    closing ??= service.close().catch(complain);
  };
  process.on('SIGTERM', close).on('SIGINT', close);
} catch (error) {
  complain(error);
}
