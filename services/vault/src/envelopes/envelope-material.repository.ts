import type { PromptId } from '@bulla/contract';
import { Statement } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely, Selectable } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { VaultTables } from '../database/types.js';
import { VaultDatabase } from '../database/vault-database.js';

/** What is asked for: which prompt, by which label, which version of it, sealed to which keys. */
export interface Wanted {
  readonly org: string;
  readonly by: { readonly id: PromptId } | { readonly name: string };
  readonly label: string;
  /** The version at which the label stands, unless given. */
  readonly version: number | undefined;
  readonly kids: readonly string[];
  /** Seconds. */
  readonly now: number;
}

type Row<Table extends keyof VaultTables> = Selectable<VaultTables[Table]>;
type Position = Pick<Row<'prompt_label'>, 'org' | 'name' | 'label' | 'seq' | 'prompt_id' | 'version' | 'pos'>;
type Tag = Pick<
  Row<'prompt_label_tag'>,
  'name' | 'label' | 'kid' | 'device_urn' | 'issued_at' | 'expires_at' | 'token'
>;
type Word = Pick<Row<'label_freshness'>, 'urn' | 'issued_at' | 'token'>;

/** All that is stored of what an envelope is made of, as one statement found it. */
export interface Material {
  readonly id: string;
  readonly name: string;
  /** Where the label stands, deleted or of an earlier prompt of this name too. */
  readonly position: Position | undefined;
  /** Of that position, the newest of each key. */
  readonly tags: readonly Tag[];
  /** What renewers say of that position, the newest first. */
  readonly words: readonly Word[];
  readonly version: Pick<Row<'prompt_version'>, 'version' | 'chash' | 'content' | 'dkc'> | undefined;
  /** Of that version, for those keys. */
  readonly grants: readonly Pick<Row<'content_grant'>, 'kid' | 'whash' | 'token'>[];
}

/** A moment and a key of each that is asked for, as the statement takes them. */
interface Given {
  readonly org: string;
  /** An id or a name. */
  readonly of: string;
  readonly label: string;
  readonly version: number | null;
  readonly kids: readonly string[];
  readonly nowDate: Date;
}

const readingBy = (by: 'id' | 'name') =>
  new Statement((db: Kysely<VaultTables>, { org, of, label, version, kids, nowDate }: Given) =>
    db
      .selectFrom('prompt')
      .leftJoinLateral(
        (eb) =>
          eb
            .selectFrom('prompt_label')
            .select(['seq', 'prompt_id', 'version', 'pos'])
            .whereRef('prompt_label.org', '=', 'prompt.org')
            .whereRef('prompt_label.name', '=', 'prompt.name')
            .where('prompt_label.label', '=', label)
            .orderBy('seq', 'desc')
            .limit(1)
            .as('position'),
        (join) => join.onTrue(),
      )
      .leftJoin('prompt_version', (join) =>
        join
          .onRef('prompt_version.org', '=', 'prompt.org')
          .onRef('prompt_version.prompt_id', '=', 'prompt.id')
          .on((eb) => eb('prompt_version.version', '=', sql<number>`coalesce(${version}::integer, position.version)`)),
      )
      .select(['prompt.id', 'prompt.name', 'prompt_version.version', 'chash', 'content', 'dkc'])
      .select(['position.seq', 'position.prompt_id', 'position.version as standing', 'position.pos'])
      .select((eb) => [
        jsonArrayFrom(
          eb
            .selectFrom('prompt_label_tag')
            .select(['kid', 'device_urn', 'issued_at', 'expires_at', 'token'])
            .distinctOn(['device_urn', 'kid'])
            .whereRef('prompt_label_tag.org', '=', 'prompt.org')
            .whereRef('prompt_label_tag.name', '=', 'prompt.name')
            .where('prompt_label_tag.label', '=', label)
            .whereRef('prompt_label_tag.seq', '=', 'position.seq')
            .orderBy('device_urn')
            .orderBy('kid')
            .orderBy((order) => order('expires_at', '>', nowDate), 'desc')
            .orderBy('issued_at', 'desc')
            .orderBy('sha256'),
        ).as('tags'),
        jsonArrayFrom(
          eb
            .selectFrom('label_freshness')
            .select(['urn', 'issued_at', 'token'])
            .whereRef('label_freshness.org', '=', 'prompt.org')
            .whereRef('label_freshness.name', '=', 'prompt.name')
            .where('label_freshness.label', '=', label)
            .whereRef('label_freshness.pos', '=', 'position.pos')
            .orderBy('issued_at', 'desc')
            .orderBy('urn'),
        ).as('words'),
        jsonArrayFrom(
          eb
            .selectFrom('content_grant')
            .select(['kid', 'whash', 'token'])
            .whereRef('content_grant.org', '=', 'prompt.org')
            .whereRef('content_grant.prompt_id', '=', 'prompt.id')
            .whereRef('content_grant.version', '=', 'prompt_version.version')
            .where('content_grant.kid', '=', sql<string>`any(${kids}::text[])`),
        ).as('grants'),
      ])
      .where('prompt.org', '=', org) // guard: org-issue
      .where('prompt.deleted_at', 'is', null)
      .where(`prompt.${by}`, '=', of),
  );
const READING = { id: readingBy('id'), name: readingBy('name') };

/** Reads what an envelope is made of in one statement, over the tables of several rooms: what moves is of one moment. */
@Injectable()
export class EnvelopeMaterialRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Undefined where no prompt of this organisation is live under the id or the name. */
  async find({ org, by, label, version, kids, now }: Wanted): Promise<Material | undefined> {
    const [reading, of] = 'id' in by ? [READING.id, by.id] : [READING.name, by.name];
    const given = { org, of, label, version: version ?? null, kids, nowDate: new Date(now * 1000) };
    const [row] = await reading.run(this.database.db, given);
    if (row === undefined) return undefined;
    const { id, name, seq, prompt_id, standing, pos, version: found, chash, content, dkc } = row;
    const tags = row.tags.map((tag) => ({
      ...tag,
      name,
      label,
      ...momentsOf(tag),
      expires_at: new Date(tag.expires_at),
    }));
    return {
      id,
      name,
      position:
        seq === null || prompt_id === null || standing === null
          ? undefined
          : { org, name, label, seq, prompt_id, version: standing, pos },
      tags: tags.toSorted((left, right) => right.issued_at.getTime() - left.issued_at.getTime()),
      words: row.words.map((word) => ({ ...word, ...momentsOf(word) })),
      version:
        found === null || chash === null || content === null ? undefined : { version: found, chash, content, dkc },
      grants: row.grants,
    };
  }
}

/** PostgreSQL writes moments as text into JSON. */
function momentsOf({ issued_at }: { readonly issued_at: Date | string }): { readonly issued_at: Date } {
  return { issued_at: new Date(issued_at) };
}
