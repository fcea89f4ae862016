import type { AcceptedOrganisation, DirectoryHashPage, NewOrganisation, SignedDocument } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import { CryptoError, parseDirectory, parsePolicy, parseRoot, pinOf, Trust } from '@bulla/crypto';
import type { Founder } from '@bulla/service-kit';
import { Answer, auditOfAct, Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { StoredDocument } from './organisations.repository.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { requireServable } from './signed-form.js';
import { ServedProfiles } from './served-profiles.js';
import { VaultTrust } from './vault-trust.js';

/** Organisations on this vault, and the documents they show to everybody. */
@Injectable()
export class OrganisationsService {
  /** By the payload of the directory: new words of renewers change none of the documents. */
  private readonly shown = new WeakMap<object, Map<string, SignedDocument>>();

  constructor(
    private readonly clock: Clock,
    private readonly profiles: ServedProfiles,
    private readonly organisations: OrganisationsRepository,
    private readonly trust: VaultTrust,
  ) {}

  /**
   * Lets an organisation in. Its documents verify each other; a bootstrap secret stands in for the keys that nobody
   * has yet, and lets one in. The same bytes again are answered as before.
   */
  async create(founder: Founder, sent: NewOrganisation): Promise<Answer<AcceptedOrganisation>> {
    const { org, evidence } = founder;
    const secret = evidence.sha256;
    const { pin, documents, hashes } = await this.verify(org, sent);
    const [directory = 0, policy = 0, root = 0] = documents.map(({ version }) => version).toReversed();
    const event = auditOfAct(
      founder,
      { act: 'organisation.create', obj: { pin, root, policy, directory } },
      this.clock.nowMs(),
    );
    const rows = { org, pin, secret, documents, hashes, event };
    if (await this.organisations.insert(rows)) return new Answer({ org, pin }, { status: 201 });
    await this.requireSame(org, secret, documents);
    return new Answer({ org, pin }, { status: 200 });
  }

  /**
   * A document as it was signed, byte for byte.
   * @param version of a root; policy and directory are those that count now
   * @throws {Problem} not_found
   */
  async document(org: string, kind: 'root' | 'policy' | 'directory', version = 0): Promise<Answer<SignedDocument>> {
    const trust = await this.trust.trustOf(org);
    if (trust === undefined) throw new Problem('not_found');
    const { roots, policy, directory } = trust.documents;
    const token = { root: roots[version - 1], policy, directory }[kind];
    if (token === undefined) throw new Problem('not_found');
    const number = { root: version, policy: trust.policy.version, directory: trust.directory.version }[kind];
    // A root of a number never changes; the others may at any moment, so a cache asks each time.
    const caching = kind === 'root' ? 'public, max-age=86400, immutable' : 'public, no-cache';
    const headers = { 'cache-control': caching };
    return new Answer(this.parsed(trust, token), { etag: entityTag(number), headers, unchanging: true });
  }

  /**
   * The hashes of all directories from a version on, however old. A client that was away folds them
   * (docs/spec/directory.md).
   * @throws {Problem} not_found
   */
  async hashes(org: string, from: number): Promise<Answer<DirectoryHashPage>> {
    if ((await this.trust.trustOf(org)) === undefined) throw new Problem('not_found');
    const hashes = await this.organisations.hashPage(org, from);
    return new Answer({ v: 1, hashes }, { headers: { 'cache-control': 'public, no-cache' } });
  }

  /** A document of an organisation, read once as long as it counts: anybody may ask for it, and it may be large. */
  private parsed(trust: Trust, token: string): SignedDocument {
    const known = this.shown.get(trust.directory) ?? new Map<string, SignedDocument>();
    this.shown.set(trust.directory, known);
    const document = known.get(token) ?? (JSON.parse(token) as SignedDocument);
    known.set(token, document);
    return document;
  }

  private async verify(
    org: string,
    sent: NewOrganisation,
  ): Promise<{ pin: string; documents: StoredDocument[]; hashes: string[] }> {
    const roots = [sent.root, ...sent.roots];
    for (const token of [...roots, sent.policy, sent.directory]) requireServable(token);
    const root = await parseRoot(sent.root);
    const policy = await parsePolicy(sent.policy);
    const directory = await parseDirectory(sent.directory);
    const chain: StoredDocument[] = [];
    for (const token of roots) {
      const { payload, hash: sha256 } = await parseRoot(token);
      this.profiles.require(payload.profile);
      chain.push({ kind: 'root', version: payload.version, token, sha256 });
    }
    const pin = pinOf(root);
    const documents = { roots, policy: sent.policy, directory: sent.directory };
    const hashes = { from: 1, hashes: sent.hashes };
    // Its renewer can say that it is the newest once it is here.
    const options = { org, pin, now: this.clock.now(), hashes, acceptStale: true };
    const { memory } = await Trust.establish(documents, options).catch(refuseMismatch);
    return {
      pin,
      hashes: [...(memory.hashes ?? []), directory.hash],
      documents: [
        ...chain,
        { kind: 'policy', version: policy.payload.version, token: sent.policy, sha256: policy.hash },
        { kind: 'directory', version: directory.payload.version, token: sent.directory, sha256: directory.hash },
      ],
    };
  }

  /** Nothing was added: fine only if this secret has brought these bytes before. */
  private async requireSame(org: string, secret: string, documents: readonly StoredDocument[]): Promise<void> {
    const known = await this.organisations.find(org);
    if (known === undefined) {
      // guard: vault-bootstrap-spent without: return;
      throw new Problem('forbidden', { detail: 'this bootstrap secret has let an organisation in already' });
    }
    if (known.bootstrap_sha256 !== secret) throw new Problem('name_taken');
    for (const { kind, version, token } of documents) {
      const stored = await this.organisations.findDocument(org, kind, version);
      // guard: vault-bootstrap-same
      if (stored?.token !== token) throw new Problem('name_taken');
    }
  }
}

/** Nothing was seen before that first documents could contradict: they do not fit each other. */
function refuseMismatch(error: unknown): never {
  if (!(error instanceof CryptoError) || error.code !== 'trust_rollback') throw error;
  throw new Problem('validation_failed', { detail: error.message });
}
