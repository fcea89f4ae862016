import type { DirectoryEntity, TrustDocuments } from '@bulla/crypto';
import { mintId, Trust, urnOf } from '@bulla/crypto';
import { firstMemory } from '../../renewer/renewer-adoption.js';
import type { Home } from '../home/home.js';
import { FileTrustStore } from '../trust-store.js';

/** What a renewer remembers, inside the home folder: a file of its own, wherever the renewer runs. */
export const RENEWER_MEMORY = 'services/renewer.trust.json';

/** The renewer with which an organisation is born: nobody's other device, in no group. */
export function renewerEntity(org: string): DirectoryEntity {
  return { kind: 'device', user: urnOf(org, 'user', mintId('usr')), roles: ['renewer'], groups: [], keys: [] };
}

/**
 * Lets a renewer begin with the directory that lists it first. It is written before that directory is: a memory that is
 * gone later was lost, and is never made again.
 * @param documents with that directory; the pin is of their first root.
 * @param now seconds.
 */
export async function rememberFirst(
  home: Home,
  documents: TrustDocuments,
  { org, pin, now }: { readonly org: string; readonly pin: string; readonly now: number },
): Promise<void> {
  const trust = await Trust.establish(documents, { org, pin, now, acceptStale: true });
  await new FileTrustStore(home, RENEWER_MEMORY).update(org, pin, () => firstMemory(trust, now));
}

/** Whether the newest directory in a folder lacks a renewer's word, as far as its owner has seen: then it is due. */
export async function isStale(
  home: Home,
  documents: TrustDocuments,
  { org, pin, now }: { readonly org: string; readonly pin: string; readonly now: number },
): Promise<boolean> {
  const seen = (await new FileTrustStore(home).load(org, pin))?.documents;
  const fresh = seen?.directory === documents.directory ? (seen.fresh ?? []) : [];
  const trust = await Trust.establish({ ...documents, fresh }, { org, pin, now, acceptExpired: true });
  return trust.clock(now) >= trust.freshness.until;
}
