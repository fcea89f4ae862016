import { parseLeaf } from '@bulla/contract';
import { BatchDelivery } from './batch-delivery.js';
import type { DeliveryParts } from './batch-delivery.js';
import type { DeadLetter } from './dead-letter.js';
import type { StreamedEntry } from './streamed-entry.js';

/** What became of dead letters that were sent again. */
export interface Resent {
  readonly sent: number;
  /** Those that the sink refused again, and those that were not sent. */
  readonly left: readonly DeadLetter[];
}

/**
 * Sends dead letters again, as they lie: they were verified before they were refused.
 * @param parts `once` gives up a sink that stays away: {BullaError} transport_failed
 */
export async function resend(
  letters: readonly DeadLetter[],
  parts: Pick<DeliveryParts, 'sink' | 'signal' | 'wait' | 'onAway'>,
): Promise<Resent> {
  const left = new Map(letters.map((letter) => [placeOf(letter), letter]));
  const refused = new Map<string, DeadLetter>();
  const delivery = new BatchDelivery({
    ...parts,
    once: true,
    onDone: (part) => {
      for (const entry of part) left.delete(placeOf(entry));
      return Promise.resolve();
    },
    onRefused: (entry, reason) => {
      const letter = left.get(placeOf(entry));
      if (letter !== undefined) refused.set(placeOf(entry), { ...letter, reason });
      return Promise.resolve();
    },
    onBack: () => undefined,
  });
  // One after the other: one that is refused costs the others nothing.
  for (const { origin, index, leaf } of letters) {
    const entry: StreamedEntry = { origin, index, leaf, entry: parseLeaf(leaf) };
    const { kind } = await delivery.deliver([entry]);
    if (kind === 'stopped') break;
    if (kind === 'ended') return nothingSure(letters);
  }
  // guard: resend-unsure
  if ((await parts.sink.close()) === 'unsure') return nothingSure(letters);
  return { sent: letters.length - left.size - refused.size, left: [...refused.values(), ...left.values()] };
}

/** All of them may have been lost with the connection. */
function nothingSure(letters: readonly DeadLetter[]): Resent {
  return { sent: 0, left: letters };
}

function placeOf({ origin, index }: Pick<StreamedEntry, 'origin' | 'index'>): string {
  return `${origin} ${index}`;
}
