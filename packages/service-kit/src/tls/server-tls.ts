import { createServer } from 'node:https';
import type { RequestListener, ServerOptions } from 'node:http';
import type { Server } from 'node:https';
import type { Clock } from '../process/clock.js';
import { SettingsError } from '../process/settings.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Metrics } from '../observe/metrics.js';
import type { ServiceName } from '../route/route-table.js';
import type { CertificatePair, PairBytes, PairFiles } from './certificate-pair.js';
import { judgePair, PairFault, readPair } from './certificate-pair.js';
import { Handshakes } from './handshakes.js';

const TLS_CERTIFICATE_TAKEN = new LogEvent<{ daysLeft: number }>('tls-certificate-taken', 'info');
/** The files changed and are not good: those of before are shown on. */
const TLS_CERTIFICATE_NOT_TAKEN = new LogEvent<{ code: string; daysLeft: number }>('tls-certificate-not-taken', 'warn');
const TLS_CERTIFICATE_ENDING = new LogEvent<{ daysLeft: number }>('tls-certificate-ending', 'warn');
const TLS_CERTIFICATE_ENDED = new LogEvent('tls-certificate-ended', 'error');

const DAY_SECONDS = 86_400;
/** What lasts 90 days is mostly renewed when 30 are left: with 14 left, whatever should have done it does not work. */
const ENDING_DAYS = 14;
/** One that lasts for days is renewed later. */
const ENDING_PART = 3;

/** What a client has to speak at least. There is no newer one. */
const VERSION = 'TLSv1.3';

export interface ServerTlsOptions extends PairFiles {
  readonly clock: Clock;
  readonly log: EventLog;
}

/** What of a service the connections of its clients need. */
export interface ServedOver {
  readonly service: ServiceName;
  readonly metrics: Metrics;
  /** Longest wait for a handshake. */
  readonly handshakeTimeoutMs: number;
}

/** TLS of a service: one certificate at a time, read anew when its files change; connections stay. */
export class ServerTls {
  readonly #options: ServerTlsOptions;
  readonly #first: CertificatePair;
  /** Of the files as they were taken. */
  #mark: string;
  #ends: Pick<CertificatePair, 'notBefore' | 'notAfter'>;
  #said = '';
  #fault = '';
  #server: Server | undefined;
  #handshakes: Handshakes | undefined;

  private constructor(options: ServerTlsOptions, { mark }: PairBytes, pair: CertificatePair) {
    this.#options = options;
    this.#mark = mark;
    this.#first = pair;
    this.#ends = pair;
  }

  /**
   * Reads and judges certificate and key before anything else is opened.
   * @throws {SettingsError} in one line, where a client would refuse them
   */
  static load(options: ServerTlsOptions): ServerTls {
    const bytes = readPair(options);
    try {
      return new ServerTls(options, bytes, judgePair(bytes, options, options.clock.now()));
    } catch (error) {
      bytes.key?.bytes.fill(0);
      throw error instanceof PairFault ? new SettingsError([error.message]) : error;
    }
  }

  /** Makes the server, once. */
  serve(
    options: ServerOptions,
    { service, metrics, handshakeTimeoutMs }: ServedOver,
    listener: RequestListener,
  ): Server {
    const server = createServer({ ...options, minVersion: VERSION, handshakeTimeout: handshakeTimeoutMs }, listener);
    this.#server = server;
    this.#show(this.#first);
    const failed = metrics.counter('bulla_tls_handshake_failures_total', 'Connections without a request', ['why']);
    this.#handshakes = new Handshakes(server, service, (why) => failed.inc({ why }));
    const days = metrics.gauge('bulla_tls_certificate_days_left', 'Days until the certificate expires', [], () => {
      days.set(this.#secondsLeft() / DAY_SECONDS);
    });
    return server;
  }

  /** Looks at the files once, and takes them if they changed and are good. The service calls it now and then. */
  look(): void {
    const { clock, log } = this.#options;
    const bytes = readPair(this.#options);
    try {
      if (bytes.mark !== this.#mark) {
        this.#show(judgePair(bytes, this.#options, clock.now()));
        this.#mark = bytes.mark;
        log.write(TLS_CERTIFICATE_TAKEN, { daysLeft: this.#daysLeft() });
      }
    } catch (error) {
      const code = error instanceof PairFault ? error.code : 'unknown';
      this.#sayFault(`${bytes.mark} ${code}`, code);
    } finally {
      bytes.key?.bytes.fill(0);
    }
    this.#sayEnd();
  }

  /** Ends connections that have asked for nothing yet. */
  endHandshakes(): void {
    this.#handshakes?.endAll();
  }

  /** Fails from the moment on at which every client refuses the certificate. */
  readonly probe = (): Promise<void> =>
    this.#secondsLeft() > 0 ? Promise.resolve() : Promise.reject(new Error('the certificate has expired'));

  #show(pair: CertificatePair): void {
    const { cert, key, notBefore, notAfter } = pair;
    // Everything, each time: what is left out goes back to what Node does by itself.
    this.#server?.setSecureContext({ cert, key, minVersion: VERSION });
    key.fill(0);
    this.#ends = { notBefore, notAfter };
  }

  /** Once for each content of the files. */
  #sayFault(fault: string, code: string): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#options.log.write(TLS_CERTIFICATE_NOT_TAKEN, { code, daysLeft: this.#daysLeft() });
  }

  #sayEnd(): void {
    const { log } = this.#options;
    const left = this.#secondsLeft();
    const life = this.#ends.notAfter - this.#ends.notBefore;
    const state = left <= 0 ? 'ended' : left <= Math.min(ENDING_DAYS * DAY_SECONDS, life / ENDING_PART) ? 'ending' : '';
    const said = `${state} ${this.#daysLeft()}`;
    if (state === '' || said === this.#said) return;
    this.#said = said;
    if (state === 'ended') log.write(TLS_CERTIFICATE_ENDED);
    else log.write(TLS_CERTIFICATE_ENDING, { daysLeft: this.#daysLeft() });
  }

  #secondsLeft(): number {
    return this.#ends.notAfter - this.#options.clock.now();
  }

  #daysLeft(): number {
    return Math.floor(this.#secondsLeft() / DAY_SECONDS);
  }
}
