import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type LabelRow = Selectable<VaultTables['prompt_label']>;
/** Where a label points. */
export type LabelPointer = Pick<LabelRow, 'name' | 'label' | 'seq' | 'prompt_id' | 'version'>;
/** A position that is to come. */
export type NewPosition = Omit<LabelRow, 'created_at' | 'pos'> & { readonly pos: string };

@Injectable()
export class LabelsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /**
   * Adds a position, if the one that it names is there under the number before, and if it begins anew, if none is there
   * that could be named. False if not, or if there is one of this number already: of two that arrive together the primary
   * key lets one in.
   */
  async insert(trx: VaultTransaction, row: NewPosition): Promise<boolean> {
    const { org, name, label, seq, prompt_id: promptId, version, chash, pos, prev } = row;
    const others = trx
      .selectFrom('prompt_label')
      .select('seq')
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label);
    const before = others.where('seq', '=', seq - 1).where('pos', '=', prev);
    // guard: vault-label-chain without: const continues = sql<boolean>`true`;
    const continues =
      prev === null ? sql<boolean>`not exists ${others.where('pos', 'is not', null)}` : sql<boolean>`exists ${before}`;
    const text = (value: string | null) => sql<string>`${value}::text`;
    const number = (value: number) => sql<number>`${value}::integer`;
    const result = await trx
      .insertInto('prompt_label')
      .columns(['org', 'name', 'label', 'seq', 'prompt_id', 'version', 'chash', 'pos', 'prev'])
      .expression(
        trx
          .selectNoFrom([text(org).as('org'), text(name).as('name'), text(label).as('label'), number(seq).as('seq')])
          .select([text(promptId).as('prompt_id'), number(version).as('version'), text(chash).as('chash')])
          .select([text(pos).as('pos'), text(prev).as('prev')])
          .where(continues),
      )
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** The moves of one label after a position, in their order. */
  chain(org: string, name: string, label: string, after: number, limit: number): Promise<LabelRow[]> {
    return this.database.db
      .selectFrom('prompt_label')
      .selectAll()
      .where('org', '=', org) // guard: org-chain
      .where('name', '=', name)
      .where('label', '=', label)
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(limit)
      .execute();
  }

  /** One page of where every label of an organisation stands, deleted ones included, by name and label. */
  standingPage(
    org: string,
    after: readonly [name: string, label: string] | undefined,
    limit: number,
  ): Promise<LabelRow[]> {
    let query = this.database.db
      .selectFrom('prompt_label as first')
      .innerJoinLateral(
        (eb) =>
          eb
            .selectFrom('prompt_label')
            .selectAll()
            .whereRef('prompt_label.org', '=', 'first.org')
            .whereRef('prompt_label.name', '=', 'first.name')
            .whereRef('prompt_label.label', '=', 'first.label')
            .orderBy('prompt_label.seq', 'desc')
            .limit(1)
            .as('newest'),
        (join) => join.onTrue(),
      )
      .selectAll('newest')
      .where('first.org', '=', org) // guard: org-standing-page
      // Written into the statement: a parameter would hide from the planner that there is an index of these.
      .where('first.seq', '=', sql.lit(1));
    if (after !== undefined) {
      const [name, label] = after;
      query = query.where((eb) => eb(eb.refTuple('first.name', 'first.label'), '>', eb.tuple(name, label)));
    }
    return query.orderBy('first.name').orderBy('first.label').limit(limit).execute();
  }

  /** Of some positions the `pos` of those at which labels stand now; what is deleted stands nowhere. */
  async standing(
    trx: VaultTransaction,
    org: string,
    places: readonly { readonly name: string; readonly label: string; readonly seq: number; readonly pos: string }[],
  ): Promise<ReadonlySet<string>> {
    const rows = await trx
      .selectFrom('prompt_label as position')
      .select('position.pos')
      .where('position.org', '=', org) // guard: org-standing
      .where('position.version', '>', 0)
      .where((eb) =>
        eb(
          eb.refTuple('position.name', 'position.label', 'position.seq'),
          'in',
          places.map(({ name, label, seq }) => eb.tuple(name, label, seq)),
        ),
      )
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('prompt_label as later')
              .select('later.seq')
              .whereRef('later.org', '=', 'position.org')
              .whereRef('later.name', '=', 'position.name')
              .whereRef('later.label', '=', 'position.label')
              .whereRef('later.seq', '>', 'position.seq'),
          ),
        ),
      )
      .execute();
    const found = new Set(rows.map(({ pos }) => pos));
    return new Set(places.map(({ pos }) => pos).filter((pos) => found.has(pos)));
  }

  /** The newest position of one label, a deleted one included. */
  newest(
    org: string,
    name: string,
    label: string,
    source: VaultSource = this.database.db,
  ): Promise<LabelRow | undefined> {
    return source
      .selectFrom('prompt_label')
      .selectAll()
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** One page of the positions of one label, newest first. */
  positions(org: string, name: string, label: string, before: number | undefined, limit: number): Promise<LabelRow[]> {
    let query = this.database.db
      .selectFrom('prompt_label')
      .selectAll()
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label);
    if (before !== undefined) query = query.where('seq', '<', before);
    return query.orderBy('seq', 'desc').limit(limit).execute();
  }

  /** The newest positions of all labels of a name, deleted ones included. */
  newestOfName(org: string, name: string): Promise<LabelRow[]> {
    return this.newestOf(this.database.db, org, [name]).selectAll().execute();
  }

  /** Where all labels of these names point, deleted ones included. */
  pointersOf(org: string, names: readonly string[]): Promise<LabelPointer[]> {
    if (names.length === 0) return Promise.resolve([]);
    const query = this.newestOf(this.database.db, org, names);
    return query.select(['name', 'label', 'seq', 'prompt_id', 'version']).execute();
  }

  /** How many labels a name ever had. */
  async count(trx: VaultTransaction, org: string, name: string): Promise<number> {
    const { labels } = await trx
      .selectFrom('prompt_label')
      .select(({ fn }) => fn.count<number>('label').as('labels'))
      .where('org', '=', org)
      .where('name', '=', name)
      .where('seq', '=', 1)
      .executeTakeFirstOrThrow();
    return labels;
  }

  private newestOf(source: VaultSource, org: string, names: readonly string[]) {
    return source
      .selectFrom('prompt_label')
      .distinctOn(['name', 'label'])
      .where('org', '=', org)
      .where('name', 'in', names)
      .orderBy('name')
      .orderBy('label')
      .orderBy('seq', 'desc');
  }
}
