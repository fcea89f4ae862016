import type { StreamEvent } from '@bulla/client';
import { entriesText } from './audit-verdict.js';

type Words = { readonly [Name in StreamEvent['event']]: (event: Extract<StreamEvent, { event: Name }>) => string };

const WORDS: Words = {
  'sink-away': ({ seconds, reason, retry_seconds: retry, ...behind }) =>
    `sink away for ${seconds} s: ${reason}; ${behindText(behind)}; next try in ${retry} s`,
  'sink-back': ({ seconds }) => `sink back after ${seconds} s`,
  'sent-again': ({ reason, entries }) => `${reason}: ${entriesText(entries)} may not have arrived and go again`,
  'dead-letter': ({ origin, index, reason }) => `refused, and set aside: entry ${index} of ${origin}: ${reason}`,
  'service-away': ({ service, message }) => `${service} does not answer: ${message}; its log waits`,
  'service-back': ({ service }) => `${service} answers again`,
  'entries-lost': ({ origin, entries }) =>
    `${origin} is over and lost its last ${entriesText(entries)} before they were sent; \`bulla audit verify\` says more`,
  'entries-pruned': ({ origin, entries }) =>
    `${entriesText(entries)} of ${origin} are no longer kept and were never sent, as the log says; it goes on behind them`,
  misfit: ({ origin, index, message }) =>
    `entry ${index} of ${origin} does not fit, and goes out marked: ${message}; \`bulla audit verify\` says more`,
  progress: ({ sent, ...behind }) => `${entriesText(sent)} sent since the start; ${behindText(behind)}`,
  ended: ({ sent, dead_letters: letters }) =>
    `ended: ${entriesText(sent)} sent since the start${letters === 0 ? '' : `, and ${letters} set aside`}`,
};

/** What happens to a stream, as a line for the person who runs it. */
export function streamLine<Name extends StreamEvent['event']>(event: Extract<StreamEvent, { event: Name }>): string {
  return (WORDS[event.event] as (one: typeof event) => string)(event);
}

function behindText({ behind, behind_seconds: seconds }: { behind: number; behind_seconds: number }): string {
  return behind === 0 ? 'nothing waits' : `${entriesText(behind)} behind, the oldest for ${seconds} s`;
}
