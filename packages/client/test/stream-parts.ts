import type { AuditStreamParts } from '../src/audit-stream/audit-stream.js';
import { AuditStream } from '../src/audit-stream/audit-stream.js';
import type { DeadLetter } from '../src/audit-stream/dead-letter.js';
import type { LogPlace } from '../src/audit-stream/log-place.js';
import type { StreamEvent } from '../src/audit-stream/stream-events.js';
import type { StreamJournal } from '../src/audit-stream/stream-journal.js';
import type { ConnectionEnd, Delivery, StreamSink } from '../src/audit-stream/stream-sink.js';
import type { StreamedEntry } from '../src/audit-stream/streamed-entry.js';
import type { AuditWorld } from './audit-world.js';

/** A sink in memory that does as it is told. */
export class HeldSink implements StreamSink {
  countMax = 64;
  bytesMax = 1_000_000;
  unsureBytes = 0;
  /** What it took: `vault#3`. */
  readonly taken: string[] = [];
  /** Sizes of the batches that it was given. */
  readonly batches: number[] = [];
  /** What it says to a batch; takes it unless given. */
  answer: (batch: readonly StreamedEntry[]) => Delivery = () => TAKEN;
  end: ConnectionEnd | undefined;
  atClose: ConnectionEnd = 'sure';

  readonly sizeOf = ({ leaf }: StreamedEntry): number => leaf.length;

  readonly deliver = (batch: readonly StreamedEntry[]): Promise<Delivery> => {
    this.batches.push(batch.length);
    const said = this.answer(batch);
    if (said.kind === 'taken') this.taken.push(...batch.map(shortPlace));
    return Promise.resolve(said);
  };

  readonly takeEnd = (): ConnectionEnd | undefined => {
    const { end } = this;
    this.end = undefined;
    return end;
  };

  readonly close = (): Promise<ConnectionEnd> => Promise.resolve(this.atClose);
}

const TAKEN: Delivery = { kind: 'taken' };

/** `vault#3`, `vault/2#0`: service, log unless it is the first, and index. */
export function shortPlace({ origin, index }: Pick<StreamedEntry, 'origin' | 'index'>): string {
  const [, service = '', log] = /:svc:([^/]*)\/audit\/(\d+)$/.exec(origin) ?? [];
  return `${service}${log === '1' ? '' : `/${log}`}#${index}`;
}

/** What a stream keeps, in memory. */
export class HeldJournal implements StreamJournal {
  places: readonly LogPlace[] = [];
  readonly letters: DeadLetter[] = [];

  readonly keep = (places: readonly LogPlace[]): Promise<void> => {
    this.places = [...new Map([...this.places, ...places].map((one) => [one.service, one])).values()];
    return Promise.resolve();
  };

  readonly bury = (letter: DeadLetter): Promise<void> => {
    this.letters.push(letter);
    return Promise.resolve();
  };

  /** Log and next index, by service. */
  get at(): Record<string, string> {
    const pairs = this.places.map(({ service, log, frontier }) => [
      service.split(':svc:')[1],
      `${log}#${frontier.size}`,
    ]);
    return Object.fromEntries(pairs) as Record<string, string>;
  }
}

/** A stream over the services of a world; it ends at the end of the logs, and does not wait. */
export class HeldStream {
  readonly sink = new HeldSink();
  readonly journal = new HeldJournal();
  readonly events: StreamEvent[] = [];
  readonly waits: number[] = [];
  readonly ending = new AbortController();
  readonly #all: AuditWorld;

  constructor(all: AuditWorld) {
    this.#all = all;
  }

  async run(parts: Partial<AuditStreamParts> = {}): Promise<void> {
    const stream = new AuditStream({
      audit: this.#all.auditor.audit,
      sink: this.sink,
      journal: this.journal,
      signal: this.ending.signal,
      once: true,
      fromNow: false,
      now: this.#all.world.clock.now,
      told: (event) => this.events.push(event),
      wait: (ms) => {
        this.waits.push(ms);
        return Promise.resolve();
      },
      ...parts,
    });
    await stream.run();
  }

  /** The names of what was told. */
  get told(): string[] {
    return this.events.map(({ event }) => event);
  }
}
