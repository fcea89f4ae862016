import type { AcceptedDocument } from '@bulla/contract';
import { entityTag, Problem } from '@bulla/contract';
import type { TrustDocuments } from '@bulla/crypto';
import { CryptoError, parseDirectory, parsePolicy, parseRoot, requireSignatures, Trust, verifyRootChain } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import type { DocumentKind } from './organisations.repository.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { VaultTrust } from './vault-trust.js';

/** A document that was verified and may be stored as the next of its kind. */
interface NextDocument {
  readonly kind: DocumentKind;
  readonly version: number;
  readonly token: string;
  readonly hash: string;
}

/** New versions of an organisation's documents. Who sends one does not matter; whose signatures it bears does. */
@Injectable()
export class PublishingService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly organisations: OrganisationsRepository,
    private readonly trust: VaultTrust,
  ) {}

  /** The next root: signed by the thresholds of the newest and of itself (TUF §5.3). */
  async root(caller: Caller, version: number, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    const { org, pin, documents, root } = caller.trust;
    requireNewest(basedOn, root.version);
    const { newest } = await verifyRootChain([...documents.roots, token], { org, pin });
    if (newest.payload.version !== version) throw new Problem('validation_failed', { detail: 'the address and the document name different versions' });
    return this.store(caller, { kind: 'root', version, token, hash: newest.hash });
  }

  /** The next policy. It is served, and counts, once a directory names it. */
  async policy(caller: Caller, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    const { org, root } = caller.trust;
    const newest = await this.organisations.newestDocument(org, 'policy');
    requireNewest(basedOn, newest?.version ?? 0);
    const parsed = await parsePolicy(token);
    const { payload } = parsed;
    requireOwn(org, payload.org);
    await requireSignatures(parsed, root.roles.policy, root.keys, 'policy-signatures');
    if (payload.version !== basedOn + 1 || payload.prev !== newest?.sha256 || payload.root_version !== root.version) {
      throw new Problem('version_conflict', { detail: 'the policy does not continue the newest one' });
    }
    return this.store(caller, { kind: 'policy', version: payload.version, token, hash: parsed.hash });
  }

  /** The next directory, with the policy that it names. */
  async directory(caller: Caller, basedOn: number, token: string): Promise<Answer<AcceptedDocument>> {
    const { org, pin, directoryRef } = caller.trust;
    requireNewest(basedOn, directoryRef.ver);
    const { payload, hash } = await parseDirectory(token);
    requireOwn(org, payload.org);
    if (payload.version !== basedOn + 1) throw new Problem('version_conflict', { detail: 'the directory does not continue the newest one' });
    const documents = await this.with(caller, token, payload.policy.version);
    try {
      await Trust.establish(documents, { org, pin, now: this.clock.now(), previous: caller.trust });
    } catch (error) {
      if (error instanceof CryptoError && error.code === 'trust_rollback') throw new Problem('version_conflict', { detail: `the directory does not continue what was published: ${error.message}` });
      throw error;
    }
    return this.store(caller, { kind: 'directory', version: payload.version, token, hash });
  }

  private async with(caller: Caller, directory: string, policyVersion: number): Promise<TrustDocuments> {
    const policy = await this.organisations.findDocument(caller.org, 'policy', policyVersion);
    if (policy === undefined) throw new Problem('validation_failed', { detail: 'the directory names a policy that was not published' });
    return { roots: caller.trust.documents.roots, policy: policy.token, directory };
  }

  private async store(caller: Caller, next: NextDocument): Promise<Answer<AcceptedDocument>> {
    const answer = await this.ledger.run(caller, async (trx) => {
      const { kind, version, token, hash } = next;
      if (!(await this.organisations.insertDocument(trx, { org: caller.org, kind, version, token, sha256: hash }))) throw new Problem('version_conflict');
      return { body: { version }, event: { act: `${kind}.publish`, obj: { version } }, etag: entityTag(version) };
    });
    this.trust.forget(caller.org);
    return answer;
  }
}

function requireNewest(basedOn: number, newest: number): void {
  if (basedOn !== newest) throw new Problem('version_conflict');
}

function requireOwn(org: string, stated: string): void {
  if (stated !== org) throw new Problem('validation_failed', { detail: 'the document is of another organisation' });
}
