import { setTimeout as pause } from 'node:timers/promises';
import { BullaError } from '@bulla/client';
import type { UnlistedKeys } from '@bulla/client/node';
import { fingerprint } from '@bulla/crypto';
import type { Context } from '../../context.js';

/** A service looks at its file every few seconds: for the key of a log that was made a moment ago it is asked again. */
const ASKED_TIMES = 12;
const ASKED_EVERY_MS = 1_000;

/**
 * New keys that their service does not hold, and that the directory therefore does not list yet. To one that it lists
 * everybody seals, and by one of a log the service signs, or decides nothing; what is due is signed without them, since
 * nothing else waits for that file.
 */
export function unlistedKeysOf(context: Context): (all: readonly UnlistedKeys[]) => Promise<ReadonlySet<string>> {
  return async (all) => {
    const lacking: string[] = [];
    for (const unlisted of all) {
      const { urn, kids, ofLog } = unlisted;
      const held = await askedForHeld(context, unlisted);
      // guard: renew-held without: const missing: string[] = [];
      const missing = kids.filter((kid) => held?.includes(kid) !== true);
      const why = held === undefined ? 'nobody could be asked whether it holds it' : 'it does not hold it';
      const marks = ofLog ? ', and log.json of its folder of marks,' : '';
      for (const kid of missing)
        context.out.must(
          `note: ${fingerprint(kid)} of ${urn} is not listed yet, since ${why}: put its new key file${marks} in place, then run this again`,
        );
      lacking.push(...missing);
    }
    return new Set(lacking);
  };
}

/** `kid` of what a service holds; undefined where it does not answer. */
async function askedForHeld(
  context: Context,
  { urn, kids, ofLog }: UnlistedKeys,
): Promise<readonly string[] | undefined> {
  try {
    const { people } = await context.connect();
    for (let times = 1; ; times++) {
      const held = await people.held(urn);
      if (!ofLog || times === ASKED_TIMES || kids.every((kid) => held.includes(kid))) return held;
      await pause(ASKED_EVERY_MS);
    }
  } catch (error) {
    if (error instanceof BullaError) return undefined;
    throw error;
  }
}
