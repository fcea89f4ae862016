import { connect as connectPlain } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { concatBytes } from '@bulla/crypto';
import type { ConnectionEnd, Delivery, StreamSink } from '../../audit-stream/stream-sink.js';
import type { StreamedEntry } from '../../audit-stream/streamed-entry.js';
import type { SyslogSender } from '../../audit-stream/syslog-message.js';
import { octetCounted, syslogMessage } from '../../audit-stream/syslog-message.js';
import { sinkFault } from './sink-faults.js';

export interface SyslogSinkOptions {
  readonly host: string;
  readonly port: number;
  /** Over TLS, RFC 5425, the name of the host verified; or as it is, RFC 6587. */
  readonly tls: boolean;
  /** PEM: the authorities that are believed, in the place of those of the system. */
  readonly ca?: string | undefined;
  /** PEM: the certificate and key that are shown to the sink, where it wants one (RFC 5425 §4.2). */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  readonly sender: SyslogSender;
  /** Longest message that the sink takes, in bytes. */
  readonly messageMax: number;
  /** Longest wait for a connection, and for it to take a batch. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 30_000;
const COUNT_MAX = 200;
const BYTES_MAX = 512 * 1024;
/** What a Linux machine holds of a connection at most, for sending and for receiving: 4 MiB each unless it was set. */
const UNSURE_BYTES = 8 * 1024 * 1024;
/** A sink that closes a connection which was quiet for so long has read what it was sent. */
const QUIET_MS = 10_000;
/** Longest wait for the sink to close too. */
const CLOSE_MS = 5_000;

/**
 * A syslog server. Its protocol has no answers: a batch counts as taken when this machine's network has all of it, and is
 * not sure before as much again as buffers hold was taken behind it, or the connection ended in order.
 */
export class SyslogSink implements StreamSink {
  readonly countMax = COUNT_MAX;
  readonly bytesMax = BYTES_MAX;
  readonly unsureBytes = UNSURE_BYTES;
  readonly #options: SyslogSinkOptions;
  readonly #timeoutMs: number;
  #connection: Connection | undefined;

  constructor(options: SyslogSinkOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  readonly sizeOf = (entry: StreamedEntry): number => octetCounted(this.#messageOf(entry)).length;

  readonly deliver = async (batch: readonly StreamedEntry[]): Promise<Delivery> => {
    const messages = batch.map((entry) => this.#messageOf(entry));
    const { messageMax } = this.#options;
    const long = messages.find(({ length }) => length > messageMax);
    // guard: syslog-message-max
    if (long !== undefined)
      return {
        kind: 'refused',
        reason: `as a message it has ${long.length} bytes, and --max-message says that the sink takes ${messageMax}`,
        tooLarge: false,
      };
    let connection = this.#connection;
    if (connection === undefined) {
      try {
        connection = await Connection.open(this.#options, this.#timeoutMs);
      } catch (error) {
        return { kind: 'away', reason: sinkFault(error) };
      }
      this.#connection = connection;
    }
    if (await connection.write(concatBytes(...messages.map(octetCounted)))) return { kind: 'taken' };
    return { kind: 'ended', reason: connection.fault };
  };

  readonly takeEnd = (): ConnectionEnd | undefined => {
    const end = this.#connection?.end;
    if (end !== undefined) this.#connection = undefined;
    return end;
  };

  readonly close = async (): Promise<ConnectionEnd> => (await this.#connection?.close()) ?? 'sure';

  #messageOf(entry: StreamedEntry): Uint8Array<ArrayBuffer> {
    return syslogMessage(entry, this.#options.sender);
  }
}

/** One connection, from its first byte to its end. */
class Connection {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #ended = Promise.withResolvers<void>();
  #end: ConnectionEnd | undefined;
  /** Monotonic: when the network had all that was written. */
  #writtenMs = performance.now();
  #isClosing = false;
  /** Why it ended, in words. */
  fault = 'the sink closed the connection';

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    // A sink says nothing; what it says all the same is read, or its end would not be seen.
    socket.resume();
    socket.on('end', () => this.#endWith(this.#isRead() ? 'sure' : 'unsure'));
    socket.on('error', (error) => {
      if (this.#end === undefined) this.fault = sinkFault(error);
      this.#endWith('unsure');
    });
    socket.on('close', () => this.#endWith('unsure'));
  }

  /** @throws what the system says */
  static async open({ host, port, tls, ca, client }: SyslogSinkOptions, timeoutMs: number): Promise<Connection> {
    const socket = tls
      ? connectTls({ host, port, ...(ca !== undefined && { ca }), ...client, minVersion: 'TLSv1.2' })
      : connectPlain({ host, port });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once(tls ? 'secureConnect' : 'connect', resolve);
        socket.once('error', reject);
        socket.once('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
        socket.setTimeout(timeoutMs, () => reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
      });
    } catch (error) {
      // What comes after the first fault says nothing more.
      socket.on('error', () => undefined);
      socket.destroy();
      throw error;
    }
    socket.setTimeout(0);
    socket.setKeepAlive(true, 30_000);
    return new Connection(socket, timeoutMs);
  }

  /** How it ended; undefined while it lasts. */
  get end(): ConnectionEnd | undefined {
    return this.#end;
  }

  /** Hands a batch to the network, and waits until that has all of it. @returns false if the connection ended before */
  async write(bytes: Uint8Array): Promise<boolean> {
    const written = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => {
      this.fault = 'it does not read what it is sent';
      this.#endWith('unsure');
    }, this.#timeoutMs);
    // guard: syslog-flushed without: written.resolve(this.#socket.write(bytes) || true);
    this.#socket.write(bytes, (error) => written.resolve(!error));
    try {
      const isWritten = await Promise.race([written.promise, this.#ended.promise.then(() => false)]);
      this.#writtenMs = performance.now();
      return isWritten && this.#end === undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it in order: a sink that closes too has read everything before. */
  async close(): Promise<ConnectionEnd> {
    if (this.#end !== undefined) return this.#end;
    this.#isClosing = true;
    const timer = setTimeout(() => this.#endWith('unsure'), CLOSE_MS);
    this.#socket.end();
    await this.#ended.promise;
    clearTimeout(timer);
    return this.#end ?? 'unsure';
  }

  /** Whether the sink, which closes, had read all that it was sent. */
  #isRead(): boolean {
    // guard: syslog-close-unsure without: return true;
    return this.#isClosing || performance.now() - this.#writtenMs >= QUIET_MS;
  }

  #endWith(end: ConnectionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#socket.destroy();
    this.#ended.resolve();
  }
}
