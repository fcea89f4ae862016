import { Problem } from '@bulla/contract';
import type { PolicyDocument, Trust } from '@bulla/crypto';
import type { AuditEntry } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { VaultTransaction } from '../../database/vault-database.js';
import { KeyEndsService } from '../../grants/key-ends.service.js';

type Rules = Pick<PolicyDocument, 'custody'>;

/**
 * What another policy does to what is stored: names that it seals lose what the vault could read them by, and names with
 * versions that were sealed never become managed. Who stores a version goes by the newest directory until the transaction
 * ends, so that none comes in between by a policy that counts no more.
 */
@Injectable()
export class CustodyChanges {
  constructor(private readonly keyEnds: KeyEndsService) {}

  /**
   * Makes a policy true of what is stored, in the transaction that lets it count.
   * @returns what the audit log says of it beside
   * @throws {Problem} custody_not_allowed if names with sealed versions would become managed
   */
  async apply(trx: VaultTransaction, before: Trust, next: Trust): Promise<AuditEntry[]> {
    if (before.policy.version === next.policy.version) return [];
    // guard: custody-held
    await this.keyEnds.holdDirectory(trx, next.org);
    await this.requireNoneSealed(trx, before, next.policy);
    return this.follow(trx, next);
  }

  /**
   * Checks that no name becomes managed which has versions that the vault cannot read.
   * @throws {Problem} custody_not_allowed
   */
  async requireNoneSealed(trx: VaultTransaction, before: Trust, rules: Rules): Promise<void> {
    // guard: custody-sealed-versions
    if (await this.hasSealed(trx, before, rules))
      throw new Problem('custody_not_allowed', {
        detail: 'a name that would become managed has versions that were sealed before; the vault cannot read them',
      });
  }

  /** The same for documents that were lost and are handed back: they count already, and nothing of them is refused. */
  async follow(trx: VaultTransaction, { org, policy }: Trust): Promise<AuditEntry[]> {
    const ofSealed = trx
      .selectFrom('prompt')
      .select('id')
      .where('org', '=', org)
      .where(custodyBy(policy), '=', 'sealed');
    // guard: custody-forgets without: const numDeletedRows: bigint = 0n;
    const { numDeletedRows } = await trx
      .deleteFrom('kek_wrap')
      .where('org', '=', org)
      .where('prompt_id', 'in', ofSealed)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) return [];
    return [{ act: 'wrap.delete', obj: { policy: policy.version, items: Number(numDeletedRows) } }];
  }

  /** Whether a live name has a version that no key of the organisation opens, and a policy would have it managed. */
  private async hasSealed(trx: VaultTransaction, { org, policy }: Trust, rules: Rules): Promise<boolean> {
    const row = await trx
      .selectFrom('prompt')
      .innerJoin('prompt_version', 'prompt_version.prompt_id', 'prompt.id')
      .leftJoin('kek_wrap', (join) =>
        join
          .onRef('kek_wrap.prompt_id', '=', 'prompt_version.prompt_id')
          .onRef('kek_wrap.version', '=', 'prompt_version.version'),
      )
      .select('prompt.id')
      .where('prompt.org', '=', org)
      .where('prompt.deleted_at', 'is', null)
      .where('kek_wrap.wrap', 'is', null)
      .where(custodyBy(policy), '=', 'sealed')
      .where(custodyBy(rules), '=', 'managed')
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }
}

/** `custodyOf` of a row of `prompt`, as the database says it: the longest prefix wins, `*` is the rest. */
function custodyBy({ custody: rules }: Rules): RawBuilder<string> {
  const list = Object.entries(rules).map(([prefix, custody]) => ({ prefix: prefix === '*' ? '' : prefix, custody }));
  return sql<string>`coalesce((select rule.custody
    from jsonb_to_recordset(${JSON.stringify(list)}::text::jsonb) as rule(prefix text, custody text)
    where starts_with(prompt.name, rule.prefix) order by length(rule.prefix) desc limit 1), 'sealed')`;
}
