import type { Identity } from '@bulla/client';
import { Bulla } from '@bulla/client';
import type { Home } from '@bulla/client/node';
import { FileTrustStore, RENEWER_MEMORY } from '@bulla/client/node';
import { handedLine, refusedLines } from '../output/handed-back.js';

/** Where a home's vault is, and who asks. */
interface HomeVault {
  readonly vaultUrl: string;
  readonly identity: Identity;
  readonly pin: string;
  readonly fetch: typeof fetch;
}

/** What came of a restore. */
export interface HomeRestore {
  readonly lines: readonly string[];
  /** Whether the vault waits for an admin, since others may remember more. */
  readonly waits: boolean;
}

/**
 * Hands a home's vault back what its device and its renewer remember, if it was restored from a backup. Where the
 * directory lists no other device, nobody else could have moved anything, and the vault goes on.
 * @returns undefined where it was not restored.
 */
export async function handBackAtHome(home: Home, vault: HomeVault): Promise<HomeRestore | undefined> {
  const { vaultUrl: url, identity, pin, fetch: fetcher } = vault;
  const connect = (store: FileTrustStore) => Bulla.offline({ url, identity, pin, store, fetch: fetcher });
  const own = connect(new FileTrustStore(home));
  if ((await own.restored.since()) === undefined) return undefined;
  const lines = ['the database was restored from a backup'];
  for (const bulla of [own, connect(new FileTrustStore(home, RENEWER_MEMORY))]) {
    const handed = await bulla.restored.handBack();
    if (handed !== undefined) lines.push(handedLine(handed), ...refusedLines(handed));
  }
  const trust = await own.catchUpTrust();
  const others = trust.entitiesOf('device').filter((urn) => urn !== identity.urn && !trust.hasRole(urn, 'renewer'));
  // guard: home-alone
  if (others.length > 0)
    return {
      lines: [...lines, 'others may remember more: when they have handed it back, bulla trust resume'],
      waits: true,
    };
  await own.restored.resume(trust.directory.version);
  return { lines, waits: false };
}
