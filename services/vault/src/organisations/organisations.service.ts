import type { AcceptedOrganisation, NewOrganisation, SignedDocument } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import { parseDirectory, parsePolicy, parseRoot, pinOf, Trust } from '@bulla/crypto';
import { Answer, Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { BootstrapSecrets } from './bootstrap-secrets.js';
import type { FirstDocument } from './organisations.repository.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { VaultTrust } from './vault-trust.js';

/** Organisations on this vault, and the documents they show to everybody. */
@Injectable()
export class OrganisationsService {
  constructor(
    private readonly clock: Clock,
    private readonly secrets: BootstrapSecrets,
    private readonly organisations: OrganisationsRepository,
    private readonly trust: VaultTrust,
  ) {}

  /**
   * Lets an organisation in. Its documents verify each other; a bootstrap secret stands in for the keys that nobody
   * has yet, and lets one in. The same bytes again are answered as before.
   */
  async create(org: string, authorization: string | undefined, sent: NewOrganisation, requestId: string): Promise<Answer<AcceptedOrganisation>> {
    const secret = this.secrets.require(authorization);
    const [root, policy, directory] = [await parseRoot(sent.root), await parsePolicy(sent.policy), await parseDirectory(sent.directory)];
    const pin = pinOf(root);
    await Trust.establish({ roots: [sent.root], policy: sent.policy, directory: sent.directory }, { org, pin, now: this.clock.now() });
    const documents: FirstDocument[] = [
      { kind: 'root', version: root.payload.version, token: sent.root, sha256: root.hash },
      { kind: 'policy', version: policy.payload.version, token: sent.policy, sha256: policy.hash },
      { kind: 'directory', version: directory.payload.version, token: sent.directory, sha256: directory.hash },
    ];
    if (await this.organisations.insert({ org, pin, secret, documents, requestId })) return new Answer({ org, pin }, { status: 201 });
    const known = await this.organisations.find(org);
    if (known === undefined) throw new Problem('forbidden', { detail: 'this bootstrap secret has let an organisation in already' });
    for (const { kind, version, token } of documents) {
      if ((await this.organisations.findDocument(org, kind, version))?.token !== token) throw new Problem('name_taken');
    }
    return new Answer({ org, pin }, { status: 200 });
  }

  /**
   * A document as it was signed, byte for byte.
   * @param version of a root; policy and directory are those that count now
   * @throws {Problem} not_found
   */
  async document(org: string, kind: 'root' | 'policy' | 'directory', version?: number): Promise<Answer<SignedDocument>> {
    const trust = await this.trust.trustOf(org);
    if (trust === undefined) throw new Problem('not_found');
    const { roots, policy, directory } = trust.documents;
    const token = { root: roots[(version ?? 0) - 1], policy, directory }[kind];
    const number = { root: version ?? 0, policy: trust.policy.version, directory: trust.directory.version }[kind];
    if (token === undefined) throw new Problem('not_found');
    // A root of a number never changes; the others may at any moment, so a cache asks each time.
    const caching = kind === 'root' ? 'public, max-age=86400, immutable' : 'public, no-cache';
    // Such a text is exactly what JSON.stringify writes, so it leaves as it came.
    return new Answer(JSON.parse(token) as SignedDocument, { etag: entityTag(number), headers: { 'cache-control': caching } });
  }
}
