import { namedEvent } from './app-events.js';

/** An event of a vendor's stream: its `type` is its name too. */
export interface VendorEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** Events as text: their name, and their data. */
export function eventText(events: readonly VendorEvent[]): string {
  return events.map((event) => namedEvent(event.type, event)).join('');
}
