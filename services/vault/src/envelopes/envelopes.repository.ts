import { Injectable } from '@nestjs/common';
import type { OnceParts } from '@bulla/service-kit';
import { asText, WriteOnce } from '@bulla/service-kit';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type EnvelopeRow = Selectable<VaultTables['envelope']>;

/** A new envelope. */
type NewRow = Omit<EnvelopeRow, 'created_at'>;

/** One of a prompt, and what of that it was made of may have moved. */
interface NewPromptRow extends NewRow {
  readonly name: string;
  readonly label: string;
  /** The position at which the label stands. */
  readonly seq: number;
}

const insert: OnceParts<VaultTables, NewRow>['insert'] = (
  db,
  decided,
  { jti, org, prompt_id, version, aud, requester_kid, whash, expires_at },
) =>
  db
    .insertInto('envelope')
    .columns(['jti', 'org', 'prompt_id', 'version', 'aud', 'requester_kid', 'whash', 'expires_at'])
    .expression(
      decided.select([
        asText(jti).as('jti'),
        asText(org).as('org'),
        sql<string | null>`${prompt_id}::text`.as('prompt_id'),
        sql<number | null>`${version}::integer`.as('version'),
        asText(aud).as('aud'),
        asText(requester_kid).as('requester_kid'),
        sql<string | null>`${whash}::text`.as('whash'),
        sql<Date>`${expires_at}::timestamptz`.as('expires_at'),
      ]),
    )
    .returning('jti') as never;
const named = ({ jti }: NewRow) => ({ jti });

/** The write of the envelope of a prompt, if that is live, its label at the same position and its grant there. */
export const WRITE_PROMPT_ENVELOPE = new WriteOnce<VaultTables, NewPromptRow>({
  holds(db, { org, prompt_id: id, name, label, seq, whash }) {
    const live = db.selectFrom('prompt').select('id').where('org', '=', org).where('id', '=', id);
    const newest = db
      .selectFrom('prompt_label')
      .select('seq')
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label)
      .orderBy('seq', 'desc')
      .limit(1);
    const grants = db.selectFrom('content_grant').select('whash').where('org', '=', org).where('prompt_id', '=', id);
    return sql<boolean>`(exists ${live.where('deleted_at', 'is', null)} and ${newest} = ${seq}::integer
      and exists ${grants.where('whash', '=', whash)})`;
  },
  insert,
  named,
});

/** The write of the envelope of a chat, which is made of nothing that is stored. */
export const WRITE_CHAT_ENVELOPE = new WriteOnce<VaultTables, NewRow>({
  holds: () => sql<boolean>`true`,
  insert,
  named,
});

@Injectable()
export class EnvelopesRepository {
  constructor(private readonly database: VaultDatabase) {}

  find(org: string, jti: string): Promise<EnvelopeRow | undefined> {
    return this.database.db
      .selectFrom('envelope')
      .selectAll()
      .where('org', '=', org) // guard: org-envelope
      .where('jti', '=', jti)
      .executeTakeFirst();
  }

  /** Adds the envelope of a chat, within the transaction that says who has it. */
  async add(trx: VaultTransaction, row: NewRow): Promise<void> {
    await trx.insertInto('envelope').values(row).execute();
  }

  /** Removes so many envelopes, of every organisation, that ended before a moment. Returns how many there were. */
  async purge(endedBefore: Date, limit: number): Promise<bigint> {
    const ended = this.database.db
      .selectFrom('envelope')
      .select('jti')
      .where('expires_at', '<', endedBefore)
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('envelope')
      .where('jti', 'in', ended)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }
}
