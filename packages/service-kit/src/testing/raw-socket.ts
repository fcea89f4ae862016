import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly body: unknown;
}

export interface RawOptions {
  /** Whether our end stays open after the bytes, as a slow or stuck client's does. */
  readonly keepOpen?: boolean;
  /** What happens between the first piece and the rest. */
  readonly pause?: Promise<void>;
}

/** Writes bytes on a connection and reads what comes until the other end closes it. */
export async function exchangeRaw(
  port: number,
  sent: string | readonly string[],
  { keepOpen = true, pause }: RawOptions = {},
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const [first = '', ...rest] = typeof sent === 'string' ? [sent] : sent;
  const socket = connect({ port, host: '127.0.0.1' }, () => {
    socket.write(first);
    void Promise.resolve(pause).then(() => (keepOpen ? socket.write(rest.join('')) : socket.end()));
  });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', reject);
  socket.on('close', () => {
    try {
      resolve(read(Buffer.concat(chunks).toString('utf8')));
    } catch (error) {
      reject(error);
    }
  });
  return promise;
}

function read(answer: string): RawAnswer {
  const at = answer.indexOf('\r\n\r\n');
  const head = answer.slice(0, at);
  const rest = answer.slice(at + 4);
  const text = /transfer-encoding: chunked/i.test(head)
    ? rest.replaceAll(/^[0-9a-f]+\r\n|\r\n[0-9a-f]+\r\n(\r\n)?/gi, '')
    : rest;
  const isJson = /content-type: application\/(problem\+)?json/i.test(head);
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
    head,
    text,
    body: isJson && text !== '' ? JSON.parse(text) : undefined,
  };
}
