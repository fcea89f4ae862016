import type { LogPlace } from './log-place.js';
import type { StreamJournal } from './stream-journal.js';
import { Unsettled } from './unsettled.js';

/** Where a stream is in each service's logs: what was sent, and what is sure to have arrived, which is kept. */
export class StreamPlaces {
  readonly #journal: StreamJournal;
  readonly #unsettled: Unsettled;
  #sent: Map<string, LogPlace>;

  /** @param unsureBytes of what a sink took, how much may not have arrived. */
  constructor(journal: StreamJournal, unsureBytes: number) {
    this.#journal = journal;
    this.#unsettled = new Unsettled(unsureBytes);
    this.#sent = placesOf(journal);
  }

  /** Behind what was sent of the logs of a service. */
  of(service: string): LogPlace | undefined {
    return this.#sent.get(service);
  }

  /** Begins somewhere: what is before this place is for nobody, so it is kept at once. */
  async begin(place: LogPlace): Promise<void> {
    this.#sent.set(place.service, place);
    await this.#keep([place]);
  }

  /** Moves on behind what the sink took. @param bytes that it took */
  async move(place: LogPlace, bytes: number): Promise<void> {
    this.#sent.set(place.service, place);
    await this.#keep(this.#unsettled.add(place, bytes));
  }

  /** All that was sent is sure to have arrived. */
  async settle(): Promise<void> {
    await this.#keep(this.#unsettled.take());
  }

  /** What was sent and is not sure goes again. @returns how many entries */
  rewind(): number {
    this.#unsettled.take();
    const kept = placesOf(this.#journal);
    let entries = 0;
    for (const { service, log, frontier } of this.#sent.values()) {
      const before = kept.get(service);
      entries += frontier.size - (before?.log === log ? before.frontier.size : 0);
    }
    this.#sent = kept;
    return entries;
  }

  async #keep(places: readonly LogPlace[]): Promise<void> {
    if (places.length > 0) await this.#journal.keep(places);
  }
}

function placesOf({ places }: StreamJournal): Map<string, LogPlace> {
  return new Map(places.map((place) => [place.service, place]));
}
