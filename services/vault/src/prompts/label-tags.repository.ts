import { createHash } from 'node:crypto';
import { parseTag } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';
import type { LabelRow } from './labels.repository.js';

export type LabelTagRow = Selectable<VaultTables['prompt_label_tag']>;
type Place = Pick<LabelRow, 'org' | 'name' | 'label' | 'seq'>;

/** Tags of positions. Each is kept: which of them count changes with time and with the directory. */
@Injectable()
export class LabelTagsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Keeps verified tags of a position; one that is there already stays as it is. */
  async insert(trx: VaultTransaction, { org, name, label, seq }: Place, tokens: readonly string[]): Promise<void> {
    const rows = tokens.map((token) => {
      const { header, claims } = parseTag(token);
      return {
        org,
        name,
        label,
        seq,
        sha256: createHash('sha256').update(token).digest('hex'),
        device_urn: claims.iss,
        kid: header.kid,
        issued_at: new Date(claims.iat * 1000),
        expires_at: new Date(claims.exp * 1000),
        token,
      };
    });
    await trx
      .insertInto('prompt_label_tag')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /**
   * Of some positions the newest tag of each key that has not expired, or its newest; the newest first. A position that
   * is renewed for years has many, and who asks for an envelope needs none of the older.
   * @param now seconds
   */
  async tagsOf(places: readonly Place[], now: number, source: VaultSource = this.database.db): Promise<LabelTagRow[]> {
    if (places.length === 0) return [];
    const rows = await source
      .selectFrom('prompt_label_tag')
      .selectAll()
      .where((eb) =>
        eb(
          eb.refTuple('org', 'name', 'label', 'seq'),
          'in',
          places.map(({ org, name, label, seq }) => eb.tuple(org, name, label, seq)),
        ),
      )
      .distinctOn(['org', 'name', 'label', 'seq', 'device_urn', 'kid'])
      .orderBy('org')
      .orderBy('name')
      .orderBy('label')
      .orderBy('seq')
      .orderBy('device_urn')
      .orderBy('kid')
      .orderBy((eb) => eb('expires_at', '>', new Date(now * 1000)), 'desc')
      .orderBy('issued_at', 'desc')
      .orderBy('sha256')
      .execute();
    return rows.toSorted((left, right) => right.issued_at.getTime() - left.issued_at.getTime());
  }
}
