import { httpFetch } from '@bulla/client/node';
import { EXIT } from './output/exit-code.js';
import { run } from './program.js';

/** What is left to end by itself after a command has returned, before the process is ended. */
const LINGER_MS = 1_000;

const ending = new AbortController();
// A signal to the process group arrives twice, from npm and from the system: the second means no more than the first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort(new Error(signal)));
// The reader of the output may stop reading (`| head`): that is no fault.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: ending.signal,
  fetch: httpFetch,
  load: (packageName) => import(packageName),
});
if (process.exitCode === EXIT.interrupted) process.exit();
setTimeout(() => process.exit(), LINGER_MS).unref();
