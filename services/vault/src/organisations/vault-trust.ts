import type { TrustDocuments } from '@bulla/crypto';
import { parseDirectory, Trust } from '@bulla/crypto';
import { Clock, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { OrganisationsRepository } from './organisations.repository.js';

/** How long another replica's publication may go unnoticed. */
const CHECK_AGAIN_MS = 500;

interface Held {
  readonly trust: Trust;
  /** Newest root and directory when it was made. */
  readonly versions: string;
  checkedMs: number;
}

/**
 * What the vault itself believes of an organisation: the documents in its own table, verified as everybody else does.
 * Policy and directory count under the root that each states, so that an organisation which changed its keys can still
 * publish the documents that its new root signs.
 */
@Injectable()
export class VaultTrust extends TrustSource {
  private readonly held = new Map<string, Held>();

  constructor(
    private readonly organisations: OrganisationsRepository,
    private readonly clock: Clock,
  ) {
    super();
  }

  async trustOf(org: string): Promise<Trust | undefined> {
    const held = this.held.get(org);
    if (held !== undefined && this.clock.monotonicMs() - held.checkedMs < CHECK_AGAIN_MS) return held.trust;
    return this.load(org, held);
  }

  async refresh(org: string): Promise<void> {
    await this.load(org, this.held.get(org));
  }

  /** Looks at the table again at the next request: something was published here. */
  forget(org: string): void {
    this.held.delete(org);
  }

  private async load(org: string, held: Held | undefined): Promise<Trust | undefined> {
    const checkedMs = this.clock.monotonicMs();
    const versions = await this.organisations.newestVersions(org);
    if (versions === undefined) return undefined;
    if (held?.versions === versions) {
      held.checkedMs = checkedMs;
      return held.trust;
    }
    const [organisation, documents] = [await this.organisations.find(org), await this.documents(org)];
    if (organisation === undefined || documents === undefined) return undefined;
    const { pin } = organisation;
    const trust = await Trust.establish(documents, { org, pin, now: this.clock.now(), previous: held?.trust, acceptExpired: true, underStatedRoot: true });
    this.held.set(org, { trust, versions, checkedMs });
    return trust;
  }

  /** Every root, the newest directory, and the policy that it names. */
  private async documents(org: string): Promise<TrustDocuments | undefined> {
    const directory = await this.organisations.newestDocument(org, 'directory');
    if (directory === undefined) return undefined;
    const named = (await parseDirectory(directory.token)).payload.policy.version;
    const policy = await this.organisations.findDocument(org, 'policy', named);
    const roots = await this.organisations.rootChain(org);
    return policy === undefined ? undefined : { roots: roots.map(({ token }) => token), policy: policy.token, directory: directory.token };
  }
}
