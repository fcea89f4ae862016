import type { Bytes } from '../encoding/bytes.js';

/** A pair of web streams, as `ReadableStream.pipeThrough` takes it. */
export interface ByteTransform {
  readonly writable: WritableStream<Uint8Array>;
  readonly readable: ReadableStream<Bytes>;
}

/**
 * Makes a transform of an async generator. A TransformStream alone would take a whole piece and queue all that comes of
 * it, however large; here the generator goes on only when somebody reads.
 * @param run what is done with the pieces; ends or throws when it will read no more of them.
 */
export function byteTransform(run: (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Bytes>): ByteTransform {
  // Passes pieces on as they are; nothing waits in it but the one that is being written.
  const { writable, readable: incoming } = new TransformStream<Uint8Array, Uint8Array>();
  const reader = incoming.getReader();
  const outgoing = run(piecesOf(reader));
  const readable = new ReadableStream<Bytes>(
    {
      async pull(controller) {
        try {
          const { done, value } = await outgoing.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          // The writer must hear of it, or would wait for ever.
          await reader.cancel(error).catch(() => undefined);
          throw error;
        }
      },
      async cancel(reason) {
        // The reader first: the generator may be waiting for a piece that never comes.
        await reader.cancel(reason);
        await outgoing.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  return { writable, readable };
}

async function* piecesOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}
