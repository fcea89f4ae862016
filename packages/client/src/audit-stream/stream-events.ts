/** What a person who runs a stream should know. */
export type StreamEvent =
  /** The sink takes nothing. */
  | ({
      readonly event: 'sink-away';
      readonly reason: string;
      readonly seconds: number;
      readonly retry_seconds: number;
    } & Behind)
  | { readonly event: 'sink-back'; readonly seconds: number }
  /** A connection ended before it was sure that what went over it had arrived: that goes again. */
  | { readonly event: 'sent-again'; readonly reason: string; readonly entries: number }
  | { readonly event: 'dead-letter'; readonly origin: string; readonly index: number; readonly reason: string }
  | { readonly event: 'service-away'; readonly service: string; readonly message: string }
  | { readonly event: 'service-back'; readonly service: string }
  /** A log that is over ended before entries that were in it. */
  | { readonly event: 'entries-lost'; readonly origin: string; readonly entries: number }
  /** Entries were kept long enough before they were sent. */
  | { readonly event: 'entries-pruned'; readonly origin: string; readonly entries: number }
  /** An entry that its service cannot have written for anybody's request: it goes out all the same, and is marked. */
  | { readonly event: 'misfit'; readonly origin: string; readonly index: number; readonly message: string }
  | ({ readonly event: 'progress'; readonly sent: number } & Behind)
  | { readonly event: 'ended'; readonly sent: number; readonly dead_letters: number };

/** How far a stream is behind what the services have signed. */
interface Behind {
  /** Entries, of what was signed when it was looked last. */
  readonly behind: number;
  /** Since the oldest entry that waits was written; 0 where none waits. */
  readonly behind_seconds: number;
}
