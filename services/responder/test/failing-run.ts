import { createServer, type Socket } from 'node:net';
import type { Model, ModelChunk, ModelRequest } from '../src/models/model.js';

export interface FailedRun {
  /** Undefined if it was a whole answer. */
  readonly error: unknown;
  /** The text that came before it. */
  readonly text: string;
  readonly chunks: readonly ModelChunk[];
}

/** Runs a model that must not answer to the end. */
export async function failedRun(
  model: Model,
  request: ModelRequest,
  signal = new AbortController().signal,
): Promise<FailedRun> {
  const chunks: ModelChunk[] = [];
  try {
    for await (const some of model.stream(request, signal)) chunks.push(...some);
  } catch (error) {
    return { error, text: textOf(chunks), chunks };
  }
  return { error: undefined, text: textOf(chunks), chunks };
}

function textOf(chunks: readonly ModelChunk[]): string {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
}

/** A TCP server that does as it is told with every connection, for as long as the work takes. */
export async function withServer(
  answer: (socket: Socket) => void,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  try {
    await work(`http://127.0.0.1:${address.port}/v1`);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
