import type { Bulla } from '@bulla/client';
import type { Trust } from '@bulla/crypto';
import { parseDirectoryFreshness, secondsOf, timestampOf } from '@bulla/crypto';
import type { Home } from '@bulla/client/node';
import { RENEWER_KEYS } from '@bulla/client/node';
import type { Finding } from './inspection.js';
import { shortName } from '../input/names.js';
import { ROUND_MARK } from '../home/renewal.js';

const DAY_SECONDS = 86_400;
/** Of two rounds an hour apart one may fail. */
const ROUND_SECONDS = 9_000;
const LET_IN = 'let one come in: bulla device invite --role renewer --label renewer (docs/guide/people.md)';

/**
 * Until when the directory counts as the newest, and who says so. A renewer that has been quiet for a day is named: what it
 * does not see, others may be kept from seeing, too.
 * @param now seconds.
 */
export async function inspectFreshness(bulla: Bulla, now: number): Promise<Finding[]> {
  const trust = await bulla.trust();
  const until = `until ${timestampOf(trust.freshness.until)}`;
  const renewers = renewersOf(trust, now);
  if (renewers.length === 0)
    return [{ name: 'freshness', ok: false, detail: `${until}; the directory lists no renewer`, fix: LET_IN }];
  const words = new Map<string, number>();
  for (const { iss, iat } of trust.freshness.fresh.map((word) => parseDirectoryFreshness(word).claims))
    words.set(iss, Math.max(iat, words.get(iss) ?? 0));
  const by = renewers.flatMap((urn) =>
    words.has(urn) ? [`${shortName(urn, '')} ${sayWhen(words.get(urn), now)}`] : [],
  );
  const detail = `${until}, ${by.length === 0 ? 'by its signers' : `by ${by.join(', ')}`}`;
  const data = {
    until: timestampOf(trust.freshness.until),
    renewers: renewers.map((urn) => ({ urn, spoke_at: whenOf(words.get(urn)) })),
  };
  const isYoung = now - secondsOf(trust.directory.issued) <= DAY_SECONDS;
  const quiet = isYoung ? [] : renewers.filter((urn) => now - (words.get(urn) ?? 0) > DAY_SECONDS);
  return [
    { name: 'freshness', ok: true, detail, data },
    ...quiet.map((urn) => ({
      name: 'renewer',
      ok: false,
      detail: `${shortName(urn, '')} has not called directory ${trust.directory.version} the newest for a day: it is off, or what is newer is held back from it and perhaps from others`,
      fix: 'see that it runs (bulla up, the service renew, bulla trust renew --every 1h) and what it says; one that is gone is revoked: bulla device revoke',
    })),
  ];
}

/** In a folder of a renewer and of nobody else: when its last round went well. */
export async function inspectOwnRenewer(home: Home, now: number): Promise<Finding | undefined> {
  if ((await home.read(RENEWER_KEYS)) === undefined) return undefined;
  const at = Date.parse(((await home.read(ROUND_MARK)) ?? '').trim()) / 1000;
  const isRecent = now - at < ROUND_SECONDS;
  const detail = Number.isNaN(at) ? 'no round went well yet' : `its last round went well ${sayWhen(at, now)}`;
  const data = { last_round: Number.isNaN(at) ? null : timestampOf(Math.floor(at)) };
  return {
    name: 'renewer',
    ok: isRecent,
    detail,
    data,
    fix: 'bulla trust renew says what is wrong; --every 1h goes on',
  };
}

/** Labels that moved more than a day ago, of which a renewer has not said that this is the newest. */
export async function inspectWords(bulla: Bulla): Promise<Finding[]> {
  const quiet = new Map<string, string[]>();
  for await (const { name } of bulla.prompts.list())
    for (const { label, renewers } of await bulla.labels.missingWords(name))
      for (const urn of renewers) quiet.set(urn, [...(quiet.get(urn) ?? []), `${name}@${label}`]);
  return [...quiet].map(([urn, labels]) => ({
    name: 'renewer',
    ok: false,
    detail: `${shortName(urn, '')} has not called ${labels.join(', ')} the newest where they stand: what is newer is held back from it, and perhaps from others, or it holds them back itself`,
    fix: 'see what it says where it runs: bulla trust renew, and if it asks for that, bulla trust renew --adopt',
  }));
}

/** Those whose word counts now. */
function renewersOf(trust: Trust, now: number): string[] {
  return trust
    .entitiesOf('device')
    .filter((urn) => trust.hasRole(urn, 'renewer') && trust.activeKeys(urn, 'fresh', now).length > 0);
}

function whenOf(at: number | undefined): string | null {
  return at === undefined ? null : timestampOf(at);
}

function sayWhen(at: number | undefined = 0, now: number): string {
  const hours = Math.max(0, Math.floor((now - at) / 3600));
  return hours === 0 ? 'within the hour' : `${hours} h ago`;
}
