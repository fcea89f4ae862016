import { DIRECTORY_HASHES_PAGE } from '@bulla/contract';
import type { DirectoryHashes } from '@bulla/crypto';
import { AuditOutbox, markOfNow } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type OrganisationRow = Selectable<VaultTables['organisation']>;
export type DocumentRow = Selectable<VaultTables['org_document']>;
export type DocumentKind = DocumentRow['kind'];
/** A document as it is stored, without the organisation. */
export type StoredDocument = Omit<DocumentRow, 'org' | 'created_at'>;

export type DirectoryFreshnessRow = Selectable<VaultTables['directory_freshness']>;

export interface NewOrganisationRows {
  readonly org: string;
  readonly pin: string;
  /** SHA-256 of the bootstrap secret, hexadecimal. */
  readonly secret: string;
  readonly documents: readonly StoredDocument[];
  /** Of all directories, the one among the documents last. */
  readonly hashes: readonly string[];
  /** The audit event, JSON. */
  readonly event: string;
}

/** Versions of the documents that others are verified by. */
export interface NewestVersions {
  readonly root: number;
  readonly directory: number;
}

/** As many words of renewers as anybody looks at. */
const WORDS_MAX = 16;

@Injectable()
export class OrganisationsRepository {
  constructor(
    private readonly database: VaultDatabase,
    private readonly outbox: AuditOutbox,
  ) {}

  /**
   * Adds an organisation with its first documents and the audit row of it, or nothing. False if its name is taken or
   * the bootstrap secret is spent: the unique keys decide.
   */
  insert({ org, pin, secret, documents, hashes, event }: NewOrganisationRows): Promise<boolean> {
    return this.database.db.transaction().execute(async (trx) => {
      const result = await trx
        .insertInto('organisation')
        .values({ org, pin, bootstrap_sha256: secret })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      if (result.numInsertedOrUpdatedRows !== 1n) return false;
      // A backup that is made from now on bears it.
      await trx
        .insertInto('restore_mark')
        .values({ org, ...markOfNow })
        .execute();
      const rows = documents.map((document) => ({ ...document, org }));
      await trx.insertInto('org_document').values(rows).execute();
      // Only the last is published now: those before were, elsewhere, at some time.
      const at = (index: number) => (index < hashes.length - 1 ? { created_at: new Date(0) } : {});
      const chain = hashes.map((sha256, index) => ({ org, version: index + 1, sha256, ...at(index) }));
      await trx.insertInto('directory_hash').values(chain).execute();
      await this.outbox.write(trx, { org, event, evidence: null });
      return true;
    });
  }

  find(org: string): Promise<OrganisationRow | undefined> {
    return this.database.db.selectFrom('organisation').selectAll().where('org', '=', org).executeTakeFirst();
  }

  /** Holds the organisation: who publishes for it next waits until this transaction ends, nobody else does. */
  async lock(trx: VaultTransaction, org: string): Promise<void> {
    await trx.selectFrom('organisation').select('org').where('org', '=', org).forNoKeyUpdate().execute();
  }

  /** Adds a document, and the hash of a directory. False if this version is there already. */
  async insertDocument(trx: VaultTransaction, row: Omit<DocumentRow, 'created_at'>): Promise<boolean> {
    if (!(await this.insertLost(trx, row))) return false;
    const { org, kind, version, sha256 } = row;
    if (kind === 'directory') await trx.insertInto('directory_hash').values({ org, version, sha256 }).execute();
    return true;
  }

  /** Removes policies after the one that counts: none of them was ever named. */
  async dropUnnamedPolicies(trx: VaultTransaction, org: string, counting: number): Promise<void> {
    await trx
      .deleteFrom('org_document')
      .where('org', '=', org) // guard: org-unnamed-policies
      .where('kind', '=', 'policy')
      .where('version', '>', counting)
      .execute();
  }

  /** Removes policies and directories after those of a restored backup, with what is known of these directories. */
  async dropHandedBack(
    trx: VaultTransaction,
    org: string,
    { policy, directory }: Readonly<Record<'policy' | 'directory', number>>,
  ): Promise<void> {
    for (const [kind, version] of Object.entries({ policy, directory }))
      await trx
        .deleteFrom('org_document')
        .where('org', '=', org) // guard: org-handed-back
        .where('kind', '=', kind as DocumentKind)
        .where('version', '>', version)
        .execute();
    for (const table of ['directory_hash', 'directory_freshness'] as const)
      await trx.deleteFrom(table).where('org', '=', org).where('version', '>', directory).execute();
  }

  /** The newest directory that was stored before a moment. */
  directoryBefore(org: string, moment: Date): Promise<DocumentRow | undefined> {
    return documentsOf(this.database.db, org, 'directory')
      .where('created_at', '<', moment)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** Adds a document whose hash is brought with those before it. False if this version is there already. */
  async insertLost(trx: VaultTransaction, row: Omit<DocumentRow, 'created_at'>): Promise<boolean> {
    const result = await trx
      .insertInto('org_document')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** Keeps hashes of directories that were published before their like was lost: none of them is published now. */
  async insertHashes(trx: VaultTransaction, org: string, { from, hashes }: DirectoryHashes): Promise<void> {
    if (hashes.length === 0) return;
    const rows = hashes.map((sha256, index) => ({ org, version: from + index, sha256, created_at: new Date(0) }));
    await trx
      .insertInto('directory_hash')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** A page of the hashes of directories from a version on, in order and without a gap; at most a thousand. */
  async hashPage(org: string, from: number, source: VaultSource = this.database.db): Promise<string[]> {
    const rows = await source
      .selectFrom('directory_hash')
      .select('sha256')
      .where('org', '=', org)
      .where('version', '>=', from)
      .orderBy('version')
      .limit(DIRECTORY_HASHES_PAGE)
      .execute();
    return rows.map(({ sha256 }) => sha256);
  }

  /** The hashes of all directories from a version on. */
  async hashesFrom(org: string, from: number, source: VaultSource = this.database.db): Promise<DirectoryHashes> {
    const hashes: string[] = [];
    for (;;) {
      const page = await this.hashPage(org, from + hashes.length, source);
      hashes.push(...page);
      if (page.length < DIRECTORY_HASHES_PAGE) return { from, hashes };
    }
  }

  /**
   * When the last but `count` directory of the day before was published, in seconds before now; undefined if fewer were.
   * By the database's clock.
   */
  async secondsSincePublished(
    org: string,
    count: number,
    source: VaultSource = this.database.db,
  ): Promise<number | undefined> {
    const row = await source
      .selectFrom('directory_hash')
      .select(sql<number>`extract(epoch from now() - created_at)::int`.as('age'))
      .where('org', '=', org)
      .where('created_at', '>', sql<Date>`now() - interval '24 hours'`)
      .orderBy('version', 'desc')
      .offset(count - 1)
      .limit(1)
      .executeTakeFirst();
    return row?.age;
  }

  findDocument(
    org: string,
    kind: DocumentKind,
    version: number,
    source: VaultSource = this.database.db,
  ): Promise<DocumentRow | undefined> {
    return documentsOf(source, org, kind).where('version', '=', version).executeTakeFirst();
  }

  newestDocument(
    org: string,
    kind: DocumentKind,
    source: VaultSource = this.database.db,
  ): Promise<DocumentRow | undefined> {
    return documentsOf(source, org, kind).orderBy('version', 'desc').limit(1).executeTakeFirst();
  }

  /** Keeps a renewer's word; what it said later, or of a later directory, stays. */
  async putWord(trx: VaultTransaction, row: Omit<DirectoryFreshnessRow, 'created_at'>): Promise<void> {
    await trx
      .insertInto('directory_freshness')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['org', 'urn'])
          .doUpdateSet((eb) => ({
            version: eb.ref('excluded.version'),
            token: eb.ref('excluded.token'),
            issued_at: eb.ref('excluded.issued_at'),
          }))
          // guard: vault-directory-fresh-newest
          .where(
            sql<boolean>`(excluded.version, excluded.issued_at) > (directory_freshness.version, directory_freshness.issued_at)`,
          ),
      )
      .execute();
  }

  /** What renewers say of a directory, the newest first. */
  async words(org: string, version: number): Promise<string[]> {
    const rows = await this.database.db
      .selectFrom('directory_freshness')
      .select('token')
      .where('org', '=', org) // guard: org-directory-words
      .where('version', '=', version)
      .orderBy('issued_at', 'desc')
      .orderBy('urn')
      .limit(WORDS_MAX)
      .execute();
    return rows.map(({ token }) => token);
  }

  /** All root versions, oldest first. */
  rootChain(org: string): Promise<DocumentRow[]> {
    return documentsOf(this.database.db, org, 'root').orderBy('version').execute();
  }

  /** Which root and directory are the newest; undefined for an organisation that is not here. */
  async newestVersions(org: string, source: VaultSource = this.database.db): Promise<NewestVersions | undefined> {
    const rows = await source
      .selectFrom('org_document')
      .select(['kind', ({ fn }) => fn.max('version').as('version')])
      .where('org', '=', org)
      .where('kind', 'in', ['root', 'directory'])
      .groupBy('kind')
      .execute();
    const { root, directory } = Object.fromEntries(rows.map(({ kind, version }) => [kind, version]));
    return root === undefined || directory === undefined ? undefined : { root, directory };
  }
}

function documentsOf(source: VaultSource, org: string, kind: DocumentKind) {
  return source.selectFrom('org_document').selectAll().where('org', '=', org).where('kind', '=', kind);
}
