import { createParser } from 'eventsource-parser';
import { BullaError, transportFailed } from './errors.js';
import { bodyOf } from './response-bytes.js';

export interface StreamEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Longest event: a frame of 16 KiB in base64url, its field names, and the heartbeats before it. */
const EVENT_MAX_BYTES = 64 * 1024;

/**
 * The events of a `text/event-stream` answer as they arrive. The end of the connection is the end of the
 * iteration; whether the answer was whole is for its signed end to say.
 * @throws {BullaError} transport_failed
 */
export async function* readEvents(response: Response): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  const arrived: StreamEvent[] = [];
  /** What arrived of a line that has not ended yet. */
  const unended: string[] = [];
  /** Bytes since the last event ended. */
  let pending = 0;
  let fault: unknown;
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      pending = 0;
      // What came before a fault still counts, what comes after it does not.
      if (fault === undefined) arrived.push({ event: event ?? '', id, data });
    },
    onError: (cause) => {
      fault ??= cause;
    },
  });
  try {
    for await (const part of bodyOf(response)) {
      pending += part.length;
      const text = decoder.decode(part, { stream: true });
      const end = text.lastIndexOf('\n') + 1;
      // Whole lines only: the parser silently skips a line without a field where it comes in two pieces.
      if (end > 0) parser.feed([...unended.splice(0), text.slice(0, end)].join(''));
      unended.push(text.slice(end));
      yield* arrived.splice(0);
      if (fault !== undefined) throw transportFailed('the answer is not a stream of events', { cause: fault });
      if (pending > EVENT_MAX_BYTES) throw transportFailed('an event of the answer is longer than it may be');
    }
  } catch (cause) {
    throw cause instanceof BullaError
      ? cause
      : transportFailed('the connection broke while the answer was arriving', { cause });
  }
}
