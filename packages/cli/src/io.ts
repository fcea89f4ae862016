import type { Readable, Writable } from 'node:stream';

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  /** Of a terminal: how many characters a line holds. */
  readonly columns?: number;
}
export interface InputStream extends Readable {
  readonly isTTY?: boolean;
  /** Of a terminal: whether it leaves echo and editing to the program. */
  setRawMode?(isRaw: boolean): unknown;
}

/** Everything a command touches of the world around it, so that tests can give it another. */
export interface Io {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the person or the system wants the command to end (SIGINT, SIGTERM). */
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** Loads the packages that this one does not contain: the services, and the testkit. */
  readonly load: (packageName: string) => Promise<unknown>;
}
