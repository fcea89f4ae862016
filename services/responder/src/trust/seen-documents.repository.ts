import type { Trust, TrustMemory } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { ResponderTables, ResponderTransaction, SeenMemory } from '../database/types.js';

const KINDS = ['root', 'policy', 'directory'] as const;

/** The newest documents that any replica of this responder trusted, and what later ones must still hold. */
@Injectable()
export class SeenDocumentsRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  /** What any replica has seen; undefined before the first documents. */
  find(org: string): Promise<TrustMemory | undefined> {
    return find(this.db, org);
  }

  /**
   * Puts documents in the place of those seen before. One replica after the other does it, so that each is held
   * against all that any of them has seen: two never work by two directories of one version.
   * @param establish verifies that they continue what was seen; undefined before the first ones.
   * @throws what establish throws: then nothing has changed
   */
  replace(org: string, establish: (seen: TrustMemory | undefined) => Promise<Trust>): Promise<Trust> {
    return this.db.transaction().execute(async (trx) => {
      // There may be no row yet that could be locked.
      // guard: trust-one-replica
      await sql`select pg_advisory_xact_lock(hashtextextended(${`bulla seen_document ${org}`}, 0))`.execute(trx);
      const trust = await establish(await find(trx, org));
      await write(trx, org, trust.memory);
      return trust;
    });
  }
}

async function find(trx: Kysely<ResponderTables>, org: string): Promise<TrustMemory | undefined> {
  const rows = await trx.selectFrom('seen_document').selectAll().where('org', '=', org).execute();
  const seen = new Map(rows.map(({ kind, version, sha256 }) => [kind, { version, hash: sha256 }]));
  const [root, policy, directory] = KINDS.map((kind) => seen.get(kind));
  const memory = rows.find(({ kind }) => kind === 'directory')?.memory ?? undefined;
  if (root === undefined || policy === undefined || directory === undefined || memory === undefined) return undefined;
  const { chain, ...held } = memory;
  return { root, policy, directory: { ...directory, ...(chain !== undefined && { chain }) }, ...held };
}

async function write(trx: ResponderTransaction, org: string, seen: TrustMemory): Promise<void> {
  const { revoked, withdrawn, hashes, directory } = seen;
  const held: SeenMemory = {
    revoked,
    withdrawn,
    ...(directory.chain !== undefined && { chain: directory.chain }),
    ...(hashes !== undefined && { hashes }),
  };
  const memory = JSON.stringify(held);
  const rows = KINDS.map((kind) => ({
    org,
    kind,
    version: seen[kind].version,
    sha256: seen[kind].hash,
    memory: kind === 'directory' ? memory : null,
  }));
  await trx
    .insertInto('seen_document')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['org', 'kind']).doUpdateSet((eb) => ({
        version: eb.ref('excluded.version'),
        sha256: eb.ref('excluded.sha256'),
        memory: eb.ref('excluded.memory'),
      })),
    )
    .execute();
}
