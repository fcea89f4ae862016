import type { OrganisationOptions, TestOrganisation } from '@bulla/crypto/testing';
import { EventLog } from '@bulla/service-kit';
import { TestClock } from '@bulla/service-kit/testing';
import { SeenDocumentsRepository } from '../src/trust/seen-documents.repository.js';
import type { VaultTrustOptions } from '../src/trust/vault-trust-source.js';
import { VaultTrustSource } from '../src/trust/vault-trust-source.js';
import type { DocumentServer } from './responder-fixture.js';
import { openDatabase, organisationForTest, serveDocuments } from './responder-fixture.js';

type Opened = Awaited<ReturnType<typeof openDatabase>>;

/** An organisation, the vault that serves its documents, and processes of a responder that read them. */
export class TrustRoom {
  readonly #opened: Opened;
  organisation!: TestOrganisation;
  vault!: DocumentServer;
  clock!: TestClock;
  /** What the responder has logged. */
  lines: string[] = [];

  private constructor(opened: Opened) {
    this.#opened = opened;
  }

  static async open(): Promise<TrustRoom> {
    return new TrustRoom(await openDatabase('server'));
  }

  /** Begins anew: nothing has been seen. */
  async begin(options?: OrganisationOptions): Promise<void> {
    await this.db.deleteFrom('seen_document').execute();
    this.organisation = await organisationForTest(options);
    this.vault = await serveDocuments(this.organisation);
    this.clock = new TestClock(this.organisation.now * 1000);
    this.lines = [];
  }

  get db() {
    return this.#opened.database.db;
  }

  drop(): Promise<unknown> {
    return this.#opened.drop();
  }

  /** A process of the responder: what it remembers is in the database. */
  replica(change: Partial<Pick<VaultTrustOptions, 'pin' | 'vaultUrl' | 'production'>> = {}): VaultTrustSource {
    const log = new EventLog({ service: 'responder', stream: { write: (line: string) => void this.lines.push(line) } });
    const { org, pin } = this.organisation;
    const options = { org, pin, vaultUrl: this.vault.url, production: false, clock: this.clock, log, ...change };
    return new VaultTrustSource(options, new SeenDocumentsRepository(this.db));
  }

  /** Lets the time pass after which the vault is asked again. */
  async refresh(source: VaultTrustSource): Promise<void> {
    this.clock.advance(2);
    await source.refresh(this.organisation.org);
  }

  /** Codes of the documents that were not taken. */
  refusals(): string[] {
    return this.lines
      .map((line) => JSON.parse(line) as { event: string; code: string })
      .flatMap(({ event, code }) => (event === 'trust-not-loaded' ? [code] : []));
  }
}
