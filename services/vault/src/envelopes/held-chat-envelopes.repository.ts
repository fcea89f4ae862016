import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { HeldChatEnvelope } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

/** So many envelopes for several questions a device may have at once: one that it uses, and the next. */
export const HELD_MAX = 2;

/** An envelope that a device is to have. */
export interface NewlyHeld extends HeldChatEnvelope {
  readonly org: string;
  /** URN. */
  readonly device: string;
  /** `jti` of one that it has used up. */
  readonly replaces: string | undefined;
  /** Seconds. */
  readonly now: number;
}

/** Which envelopes for several questions each device has. The one row of a device settles what many of its requests ask at once. */
@Injectable()
export class HeldChatEnvelopesRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Notes an envelope, unless the device has as many as it may; returns whether it is noted. */
  async hold(trx: VaultTransaction, { org, device, jti, until, replaces, now }: NewlyHeld): Promise<boolean> {
    const envelope = JSON.stringify([{ jti, until }]);
    const expires_at = new Date(until * 1000);
    // Those that neither ended nor are replaced.
    const kept = sql`(
      select coalesce(jsonb_agg(one), '[]'::jsonb) from jsonb_array_elements(held_chat_envelopes.envelopes) as one
      where (one ->> 'until')::bigint > ${now}::bigint and one ->> 'jti' is distinct from ${replaces ?? null}::text
    )`;
    const noted = await trx
      .insertInto('held_chat_envelopes')
      .values({ org, device, envelopes: envelope, expires_at })
      .onConflict(
        (conflict) =>
          conflict
            .columns(['org', 'device'])
            .doUpdateSet({ envelopes: sql`${kept} || ${envelope}::jsonb`, expires_at })
            .where(sql<boolean>`jsonb_array_length(${kept}) < ${HELD_MAX}::integer`), // guard: chat-held
      )
      .returning('device')
      .executeTakeFirst();
    return noted !== undefined;
  }

  /** When the first of those ends that a device has, in seconds; undefined where it has none. */
  async firstEnd(trx: VaultTransaction, org: string, device: string, now: number): Promise<number | undefined> {
    const row = await trx
      .selectFrom('held_chat_envelopes')
      .select('envelopes')
      .where('org', '=', org)
      .where('device', '=', device)
      .executeTakeFirst();
    const ends = (row?.envelopes ?? []).map(({ until }) => until).filter((until) => until > now);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Forgets so many devices all of whose envelopes ended before a moment. Returns how many there were. */
  async purge(endedBefore: Date, limit: number): Promise<bigint> {
    const ended = this.database.db
      .selectFrom('held_chat_envelopes')
      .select(sql`ctid`.as('at'))
      .where('expires_at', '<', endedBefore)
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('held_chat_envelopes')
      .where(sql<boolean>`ctid = any(array(${ended}))`)
      .where('expires_at', '<', endedBefore)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }
}
