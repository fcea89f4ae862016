import { Agent as PlainAgent, request as requestPlain } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as requestTls } from 'node:https';
import { utf8 } from '@bulla/crypto';
import { deliveryOf, idempotencyKeyOf, ndjsonLine } from '../../audit-stream/http-batch.js';
import type { ConnectionEnd, Delivery, StreamSink } from '../../audit-stream/stream-sink.js';
import type { StreamedEntry } from '../../audit-stream/streamed-entry.js';
import { sinkFault } from './sink-faults.js';

export interface HttpSinkOptions {
  readonly url: URL;
  /** PEM: the authorities that are believed, in the place of those of the system. */
  readonly ca?: string | undefined;
  /** PEM: the certificate and key that are shown to the sink, where it wants one. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** The bearer token as it is now, if there is one; what it throws is told as the reason why nothing is sent. */
  readonly token: () => string | undefined;
  /** Longest wait for the whole answer. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 30_000;
const COUNT_MAX = 200;
const BYTES_MAX = 512 * 1024;
/** Nobody reads what a sink says beside its status. */
const ANSWER_BYTES_MAX = 65_536;

/** A server that takes batches by POST, as NDJSON, and answers when it has them (docs/spec/audit-stream.md). */
export class HttpSink implements StreamSink {
  readonly countMax = COUNT_MAX;
  readonly bytesMax = BYTES_MAX;
  readonly unsureBytes = 0;
  readonly #options: HttpSinkOptions;
  readonly #agent: Agent | PlainAgent;

  constructor(options: HttpSinkOptions) {
    this.#options = options;
    const { url, ca, client } = options;
    const kept = { keepAlive: true, maxSockets: 1 };
    this.#agent =
      url.protocol === 'https:'
        ? new Agent({ ...kept, ...(ca !== undefined && { ca }), ...client, minVersion: 'TLSv1.2' })
        : new PlainAgent(kept);
  }

  readonly sizeOf = (entry: StreamedEntry): number => utf8(ndjsonLine(entry)).length;

  readonly deliver = async (batch: readonly StreamedEntry[]): Promise<Delivery> => {
    const body = utf8(batch.map(ndjsonLine).join(''));
    let bearer: string | undefined;
    try {
      bearer = this.#options.token();
    } catch (error) {
      // A file that is being replaced; what a setting is refused with never holds its value.
      return { kind: 'away', reason: (error as Error).message };
    }
    try {
      const { statusCode = 0, headers } = await this.#post(body, idempotencyKeyOf(batch), bearer);
      return deliveryOf(statusCode, headers['retry-after'], Date.now());
    } catch (error) {
      return { kind: 'away', reason: sinkFault(error) };
    }
  };

  readonly takeEnd = (): undefined => undefined;

  readonly close = (): Promise<ConnectionEnd> => {
    this.#agent.destroy();
    return Promise.resolve('sure');
  };

  /** @returns the head of an answer that came whole. */
  #post(body: Uint8Array, key: string, bearer: string | undefined): Promise<IncomingMessage> {
    const { url } = this.#options;
    const send = url.protocol === 'https:' ? requestTls : requestPlain;
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = send(url, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'content-type': 'application/x-ndjson',
          'content-length': body.length,
          'idempotency-key': key,
          'user-agent': 'bulla-audit-stream',
          ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        },
      });
      const fail = (code: string) => asked.destroy(Object.assign(new Error(code), { code }));
      const timer = setTimeout(() => fail('ETIMEDOUT'), this.#options.timeoutMs ?? TIMEOUT_MS);
      asked.on('close', () => clearTimeout(timer));
      asked.on('error', reject);
      asked.on('response', (answer) => {
        let length = 0;
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > ANSWER_BYTES_MAX) fail('EMSGSIZE');
        });
        // Told by its close.
        answer.on('error', () => undefined);
        // An answer that is cut may be that of something on the way; the batch goes again under the same key.
        // guard: stream-answer-whole without: answer.on('close', () => resolve(answer));
        answer.on('close', () =>
          answer.complete ? resolve(answer) : reject(Object.assign(new Error('cut'), { code: 'ECONNRESET' })),
        );
      });
      asked.end(body);
    });
  }
}
