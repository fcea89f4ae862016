import { makeOrganisation } from '@bulla/crypto/testing';
import { databaseForTest, startTestPostgres } from '@bulla/testkit';
import pg from 'pg';
import { fillVault } from '../../services/vault/test/filling.js';
import { type ServiceProcess, startService } from '../../test/faults/service-process.js';
import { bring, vaultSettings } from '../../test/faults/vault-world.js';
import type { Ground } from '../requests.js';
import { addAskers, asDeployed, NO_CALLER_IS_LIMITED, storePrompt } from '../world.js';

/** A vault in a process of its own, on a database of its own with so many prompts. */
export interface SizedVault {
  readonly size: number;
  readonly service: ServiceProcess;
  /** One prompt among them that somebody signed. */
  readonly ground: Ground;
  /** The author, and the key for which all grants are. */
  readonly recipient: { readonly member: Ground['organisation']['author']; readonly kid: string };
  /** A connection of the bench to its database. */
  readonly database: pg.Client;
  readonly databaseUrl: string;
  stop(): Promise<void>;
}

/** Starts a vault and fills its tables by SQL. */
export async function startSizedVault(size: number): Promise<SizedVault> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const made = await databaseForTest({ startOwn: () => startTestPostgres({ settings: { fsync: 'on' } }) });
    undo.push(() => made.drop());
    if (made.url === undefined) throw new Error('there is no PostgreSQL: none answers, none is installed');
    const organisation = await makeOrganisation();
    const askers = await addAskers(organisation);
    const settings = await vaultSettings(organisation, made.url);
    undo.push(() => settings.remove());
    const service = await startService('vault', {
      ...settings.settings,
      ...asDeployed('vault'),
      ...NO_CALLER_IS_LIMITED,
    });
    undo.push(() => service.stop());
    await bring(service.url, organisation);
    const ground = await storePrompt(service.url, organisation, askers);
    const database = new pg.Client({ connectionString: made.url });
    await database.connect();
    undo.push(() => database.end());
    const { author: member, org } = organisation;
    const kid = member.enc?.kid;
    if (kid === undefined) throw new Error('the author has no key for grants');
    await fillVault(database, { org, prompts: size, recipient: { kid, urn: member.urn } });
    return { size, service, ground, recipient: { member, kid }, database, databaseUrl: made.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
