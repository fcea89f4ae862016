import type { TrustMemory } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { ResponderTables } from '../database/types.js';

const KINDS = ['root', 'policy', 'directory'] as const;

/** The newest documents that any replica of this responder trusted. */
@Injectable()
export class SeenDocumentsRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  /** What must not be gone back behind; undefined before the first start. Revocations stay in each process's memory. */
  async find(org: string): Promise<TrustMemory | undefined> {
    const rows = await this.db.selectFrom('seen_document').selectAll().where('org', '=', org).execute();
    const seen = new Map(rows.map(({ kind, version, sha256 }) => [kind, { version, hash: sha256 }]));
    const [root, policy, directory] = KINDS.map((kind) => seen.get(kind));
    if (root === undefined || policy === undefined || directory === undefined) return undefined;
    return { root, policy, directory, revoked: [], withdrawn: [] };
  }

  /** Remembers documents; what another replica saw and is newer stays. */
  async remember(org: string, memory: TrustMemory): Promise<void> {
    const rows = KINDS.map((kind) => ({ org, kind, version: memory[kind].version, sha256: memory[kind].hash }));
    await this.db
      .insertInto('seen_document')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(['org', 'kind'])
          .doUpdateSet((eb) => ({ version: eb.ref('excluded.version'), sha256: eb.ref('excluded.sha256') }))
          .whereRef('seen_document.version', '<', 'excluded.version'),
      )
      .execute();
  }
}
