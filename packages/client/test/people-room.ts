import type { DirectoryDocument, Signer } from '@bulla/crypto';
import { parseDirectory } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import type { DeviceRequest } from '../src/people/device-requests.js';
import { MemoryRecords, PeopleVault } from './people-vault.js';
import type { World } from './world.js';
import { makeWorld } from './world.js';

/** An organisation whose owner invites and lets in, and signs directories. */
export interface PeopleRoom {
  readonly world: World;
  readonly vault: PeopleVault;
  readonly records: MemoryRecords;
  readonly owner: Bulla;
  readonly signer: Signer;
  /** The directory that the vault shows. */
  readonly newest: () => Promise<DirectoryDocument>;
  /** The first that waits to be let in. */
  readonly waiting: () => Promise<DeviceRequest>;
}

export async function openPeopleRoom(options: Parameters<typeof makeWorld>[0] = {}): Promise<PeopleRoom> {
  const world = await makeWorld(options);
  const vault = new PeopleVault(world);
  const records = new MemoryRecords();
  const owner = await world.client();
  const [signer] = world.organisation.signers.directory as [Signer];
  return {
    world,
    vault,
    records,
    owner,
    signer,
    newest: async () => (await parseDirectory(world.vault.documents().directory)).payload,
    waiting: async () => {
      for await (const request of owner.people.requests(records)) return request;
      throw new Error('nobody waits');
    },
  };
}
