import type { Completion, CompletionChunk } from '@bulla/crypto';
import { chunkText } from '@bulla/crypto';
import { actsOrEnds } from '../runs/runs.js';
import type { AnswerWriter, AnyAnswer } from './app-answer.js';
import type { AppFault } from './app-errors.js';
import { namedEvent } from './app-events.js';

/** An event of a vendor's stream: its `type` is its name too. */
export interface VendorEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The events of one answer, in the interface of a vendor that names them. */
export interface VendorEvents {
  /** That an answer begins. */
  start(): VendorEvent[];
  /** What a chunk adds to the text; of everything else nothing. */
  chunk(chunk: CompletionChunk): VendorEvent[];
  /** The verified end. @throws {BullaError} where the interface cannot hold what the model said */
  end(completion: Completion): VendorEvent[];
  /** That there is no answer. @param hasBegun whether its beginning was told */
  fail(fault: AppFault, hasBegun: boolean): VendorEvent[];
}

/** Writes such events: the beginning comes before whatever is first. */
export class VendorWriter implements AnswerWriter {
  readonly #events: VendorEvents;
  #hasBegun = false;

  constructor(events: VendorEvents) {
    this.#events = events;
  }

  /** A beginning leaves at once: what ends or acts is held, and forgotten where it failed. */
  chunk(chunk: CompletionChunk): string {
    if (actsOrEnds(chunk) && chunkText(chunk) === '') return '';
    return this.#begun() + eventText(this.#events.chunk(chunk));
  }

  end({ completion }: AnyAnswer): string {
    return this.#begun() + eventText(this.#events.end(completion));
  }

  failed(fault: AppFault): string {
    return eventText(this.#events.fail(fault, this.#hasBegun));
  }

  #begun(): string {
    if (this.#hasBegun) return '';
    this.#hasBegun = true;
    return eventText(this.#events.start());
  }
}

/** Events as text: their name, and their data. */
function eventText(events: readonly VendorEvent[]): string {
  return events.map((event) => namedEvent(event.type, event)).join('');
}
