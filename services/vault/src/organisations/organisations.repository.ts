import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type OrganisationRow = Selectable<VaultTables['organisation']>;
export type DocumentKind = VaultTables['org_document']['kind'];
export type FirstDocument = Omit<DocumentRow, 'org' | 'created_at'>;
export type DocumentRow = Selectable<VaultTables['org_document']>;

interface NewOrganisationRows {
  readonly org: string;
  readonly pin: string;
  /** SHA-256 of the bootstrap secret, hexadecimal. */
  readonly secret: string;
  /** Root, policy and directory. */
  readonly documents: readonly FirstDocument[];
  readonly requestId: string;
}

@Injectable()
export class OrganisationsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /**
   * Adds an organisation with its first documents and the audit row of it, or nothing. False if its name is taken or
   * the bootstrap secret is spent: the unique keys decide.
   */
  insert({ org, pin, secret, documents, requestId }: NewOrganisationRows): Promise<boolean> {
    return this.database.db.transaction().execute(async (trx) => {
      const result = await trx
        .insertInto('organisation')
        .values({ org, pin, bootstrap_sha256: secret })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      if (result.numInsertedOrUpdatedRows !== 1n) return false;
      await trx
        .insertInto('org_document')
        .values(documents.map((document) => ({ ...document, org })))
        .execute();
      const [root, policy, directory] = documents.map(({ version }) => version);
      const event = { v: 1, act: 'organisation.create', res: 'ok', who: { type: 'bootstrap' }, obj: { pin, root, policy, directory } };
      await trx.insertInto('audit_event').values({ org, event: JSON.stringify(event), request_id: requestId }).execute();
      return true;
    });
  }

  find(org: string): Promise<OrganisationRow | undefined> {
    return this.database.db.selectFrom('organisation').selectAll().where('org', '=', org).executeTakeFirst();
  }

  /** Adds a document. False if this version is there already. */
  async insertDocument(trx: VaultTransaction, row: Omit<DocumentRow, 'created_at'>): Promise<boolean> {
    const result = await trx
      .insertInto('org_document')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  findDocument(org: string, kind: DocumentKind, version: number): Promise<DocumentRow | undefined> {
    return this.documents(org, kind).where('version', '=', version).executeTakeFirst();
  }

  newestDocument(org: string, kind: DocumentKind): Promise<DocumentRow | undefined> {
    return this.documents(org, kind).orderBy('version', 'desc').limit(1).executeTakeFirst();
  }

  /** The numbers of the newest root and directory as one text: it differs when anything was published. */
  async newestVersions(org: string): Promise<string | undefined> {
    const rows = await this.database.db
      .selectFrom('org_document')
      .select(['kind', ({ fn }) => fn.max('version').as('version')])
      .where('org', '=', org)
      .where('kind', 'in', ['root', 'directory'])
      .groupBy('kind')
      .orderBy('kind')
      .execute();
    return rows.length === 0 ? undefined : rows.map(({ kind, version }) => `${kind} ${version}`).join(', ');
  }

  /** All root versions, oldest first. */
  rootChain(org: string): Promise<DocumentRow[]> {
    return this.documents(org, 'root').orderBy('version').execute();
  }

  private documents(org: string, kind: DocumentKind) {
    return this.database.db.selectFrom('org_document').selectAll().where('org', '=', org).where('kind', '=', kind);
  }
}
