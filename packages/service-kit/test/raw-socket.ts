import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly body: unknown;
}

/**
 * Writes bytes on a connection and reads what comes until the other end closes it.
 * @param keepOpen whether our end stays open after the bytes, as a slow or stuck client's does
 */
export async function exchangeRaw(port: number, sent: string | Buffer, { keepOpen = true } = {}): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const socket = connect({ port, host: '127.0.0.1' }, () => (keepOpen ? socket.write(sent) : socket.end(sent)));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', reject);
  socket.on('close', () => resolve(read(Buffer.concat(chunks).toString('utf8'))));
  return promise;
}

function read(answer: string): RawAnswer {
  const at = answer.indexOf('\r\n\r\n');
  const head = answer.slice(0, at);
  const rest = answer.slice(at + 4);
  const text = /transfer-encoding: chunked/i.test(head) ? rest.replaceAll(/^[0-9a-f]+\r\n|\r\n[0-9a-f]+\r\n(\r\n)?/gi, '') : rest;
  const isJson = /content-type: application\/(problem\+)?json/i.test(head);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, text, body: isJson && text !== '' ? JSON.parse(text) : undefined };
}
