import { DeviceRole } from '@bulla/contract';
import * as z from 'zod';
import type { InvitationRecord, InvitationRecords } from '../people/invitation-records.js';
import type { Home } from './home/home.js';
import { HomeError } from './home/home.js';

const NAME = 'invitations.json';
const LOCK = 'invitations.lock';
const LOCK_WAIT_MS = 10_000;

const RecordsFile = z.array(
  z.strictObject({
    id: z.string(),
    org: z.string(),
    roles: z.array(DeviceRole),
    groups: z.array(z.string()),
    user: z.string(),
    label: z.string(),
    expiresAt: z.int(),
    secret: z.string().exactOptional(),
    device: z.string().exactOptional(),
  }),
);

/** Invitations in a file of the home folder, shared by commands that run at the same time. */
export class InvitationFile implements InvitationRecords {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  async list(): Promise<readonly InvitationRecord[]> {
    const text = await this.#home.readSecret(NAME);
    if (text === undefined) return [];
    try {
      return RecordsFile.parse(JSON.parse(text));
    } catch {
      // No cause: the messages of parsers quote the text, which holds secrets.
      throw new HomeError(
        `${this.#home.path(NAME)} cannot be read; restore it, or remove it and approve by the eight words`,
      );
    }
  }

  put(record: InvitationRecord): Promise<void> {
    return this.#change((records) => [...records.filter(({ id }) => id !== record.id), record]);
  }

  remove(id: string): Promise<void> {
    return this.#change((records) => records.filter((record) => record.id !== id));
  }

  async #change(change: (records: readonly InvitationRecord[]) => readonly InvitationRecord[]): Promise<void> {
    const release = await this.#home.lock(LOCK, LOCK_WAIT_MS);
    try {
      await this.#home.write(NAME, `${JSON.stringify(change(await this.list()), null, 2)}\n`);
    } finally {
      await release();
    }
  }
}
