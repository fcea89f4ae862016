import { createParser } from 'eventsource-parser';
import { bodyOf } from './response-bytes.js';
import { transportFailed } from './errors.js';

export interface StreamEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Longest event: a frame of 16 KiB in base64url and its field names. */
const EVENT_MAX_CHARACTERS = 64 * 1024;

/**
 * The events of a `text/event-stream` answer as they arrive. The end of the connection is the end of the
 * iteration; whether the answer was whole is for its signed end to say.
 * @throws {BullaError} transport_failed
 */
export async function* readEvents(response: Response): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  const arrived: StreamEvent[] = [];
  let pending = 0;
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      pending = 0;
      arrived.push({ event: event ?? '', id, data });
    },
    onError: (cause) => {
      throw transportFailed('the answer is not a stream of events', { cause });
    },
  });
  try {
    for await (const part of bodyOf(response)) {
      pending += part.length;
      parser.feed(decoder.decode(part, { stream: true }));
      yield* arrived.splice(0);
      if (pending > EVENT_MAX_CHARACTERS) throw transportFailed('an event of the answer is longer than it may be');
    }
  } catch (cause) {
    if (cause instanceof Error && (cause.name === 'BullaError' || cause.name === 'AbortError')) throw cause;
    throw transportFailed('the connection broke while the answer was arriving', { cause });
  }
}
