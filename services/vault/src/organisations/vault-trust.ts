import type { TrustDocuments } from '@bulla/crypto';
import { CryptoError, readDirectoryHead, Trust } from '@bulla/crypto';
import { NewRoot, Problem } from '@bulla/contract';
import { Clock, EventLog, TRUST_LOADED, TRUST_NOT_LOADED, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { RestoreGuard } from '../restores/restore-guard.js';
import { establishFollowing, requireSignedRoot } from './following-documents.js';
import type { NewestVersions } from './organisations.repository.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { ServedProfiles } from './served-profiles.js';

/** How long another replica's publication may go unnoticed. */
const CHECK_AGAIN_MS = 500;

interface Held {
  readonly trust: Trust;
  /** What renewers say of its directory, good or not. */
  readonly words: readonly string[];
  readonly checkedMs: number;
  /** Of the database that it came from. */
  readonly mark: string | undefined;
}

/**
 * What the vault itself believes of an organisation: the documents in its own table, verified as everybody else does.
 * Policy and directory count under the root that each states, so that an organisation which changed its keys can still
 * publish the documents that its new root signs (docs/decisions/2026-11-25-vault-trust.md).
 */
@Injectable()
export class VaultTrust extends TrustSource {
  private readonly known = new Map<string, Held>();
  private readonly loading = new Map<string, Promise<Trust | undefined>>();

  constructor(
    private readonly organisations: OrganisationsRepository,
    private readonly clock: Clock,
    private readonly log: EventLog,
    private readonly profiles: ServedProfiles,
    private readonly restores: RestoreGuard,
  ) {
    super();
  }

  /** @throws {Problem} internal if what the table holds does not verify; forbidden if it is for development only */
  override async trustOf(org: string): Promise<Trust | undefined> {
    const held = this.known.get(org);
    if (held !== undefined && this.clock.monotonicMs() - held.checkedMs < CHECK_AGAIN_MS) return held.trust;
    // One look at the table for all who wait for it.
    const loading = this.loading.get(org) ?? this.load(org).finally(() => this.loading.delete(org));
    this.loading.set(org, loading);
    return loading;
  }

  /**
   * A root with what is signed under it: the keys of the newest root have signed it, so it counts whoever brings it.
   * @throws {Problem} version_conflict; {CryptoError} signature_invalid, …
   */
  override async carriedBy(org: string, body: unknown): Promise<Trust | undefined> {
    const sent = NewRoot.safeParse(body).data;
    if (sent === undefined) return undefined;
    const trust = await this.trustOf(org);
    if (trust === undefined) return undefined;
    const { root, policy, directory } = sent;
    await requireSignedRoot(trust, sent);
    const documents = { roots: [...trust.documents.roots, root], policy, directory };
    return establishFollowing(documents, trust, { organisations: this.organisations, now: this.clock.now() });
  }

  override async refresh(org: string): Promise<void> {
    await this.load(org);
  }

  /** Something was published here: the next request looks at the table. */
  forget(org: string): void {
    const held = this.known.get(org);
    if (held !== undefined) this.known.set(org, { ...held, checkedMs: Number.NEGATIVE_INFINITY });
  }

  override held(): readonly Trust[] {
    return [...this.known.values()].map(({ trust }) => trust);
  }

  private async load(org: string): Promise<Trust | undefined> {
    const checkedMs = this.clock.monotonicMs();
    const mark = (await this.restores.look(org))?.mark;
    // After a restore the table is the measure for every replica: those who kept what it lost hand it back.
    // guard: restore-forgets
    if (this.known.get(org)?.mark !== mark) this.known.delete(org);
    const newest = await this.organisations.newestVersions(org);
    if (newest === undefined) return undefined;
    const words = await this.organisations.words(org, newest.directory);
    const trust = await this.bring(org, newest, words);
    // Another load may have ended first and found something newer: what is held never goes back.
    const held = this.known.get(org);
    const isBehind = held !== undefined && isOlder(trust, held.trust);
    this.known.set(org, isBehind ? { ...held, checkedMs } : { trust, words, checkedMs, mark });
    return isBehind ? held.trust : trust;
  }

  /** What is held if it is the newest, with the words of renewers that are stored now; else what is stored. */
  private async bring(org: string, newest: NewestVersions, words: readonly string[]): Promise<Trust> {
    const held = this.known.get(org);
    if (!isNewest(held?.trust, newest)) return this.establish(org, held?.trust, words);
    const { trust } = held;
    // What was ahead of this clock may not be any more.
    const wasAhead = trust.freshness.passedOver.some(({ code }) => code === 'clock_skew');
    const isSame = !wasAhead && words.join(' ') === held.words.join(' ');
    return isSame ? trust : trust.withFreshness(words, this.clock.now());
  }

  private async establish(org: string, previous: Trust | undefined, words: readonly string[]): Promise<Trust> {
    try {
      const { pin, documents } = await this.stored(org);
      // We believe our own table no more than others believe a vault. What another replica published must follow ours.
      const hashes = await this.organisations.hashesFrom(org, previous?.directory.version ?? 1);
      const expectation = {
        org,
        pin,
        now: this.clock.now(),
        previous,
        hashes, // guard: vault-table-chain without: hashes: previous && hashes
        acceptExpired: true,
        underStatedRoot: true,
      };
      const shown = { ...documents, fresh: words };
      const trust = await Trust.establish(shown, expectation).catch(async (error: unknown) => {
        // A newer root was handed back, and what was handed back under the one before gave way.
        // guard: vault-table-roots-first
        if (!isTakenBack(error, previous, documents)) throw error;
        const all = await this.organisations.hashesFrom(org, 1);
        return Trust.establish(shown, { org, pin, now: this.clock.now(), hashes: all, acceptExpired: true });
      });
      this.profiles.require(trust.profile);
      this.log.write(TRUST_LOADED, { org, directoryVersion: trust.directory.version });
      return trust;
    } catch (error) {
      if (!(error instanceof CryptoError || error instanceof Problem)) throw error;
      // They were verified before they were stored: somebody changed the table, or went back to an older one.
      this.log.write(TRUST_NOT_LOADED, { org, code: error.code });
      throw error instanceof Problem ? error : new Problem('internal');
    }
  }

  /** Every root, the newest directory, and the policy that it names. */
  private async stored(org: string): Promise<{ pin: string; documents: TrustDocuments }> {
    const organisation = await this.organisations.find(org);
    const directory = await this.organisations.newestDocument(org, 'directory');
    const named = directory === undefined ? 0 : readDirectoryHead(directory.token).policy.version;
    const policy = await this.organisations.findDocument(org, 'policy', named);
    if (organisation === undefined || directory === undefined || policy === undefined) {
      throw new CryptoError('trust_rollback', 'a document of the organisation is gone');
    }
    const roots = (await this.organisations.rootChain(org)).map(({ token }) => token);
    return { pin: organisation.pin, documents: { roots, policy: policy.token, directory: directory.token } };
  }
}

/** A newer root counts before a newer directory: with it the directories of before it may have gone. */
function isOlder(trust: Trust, other: Trust): boolean {
  if (trust.root.version !== other.root.version) return trust.root.version < other.root.version;
  return trust.directory.version < other.directory.version;
}

function isTakenBack(error: unknown, previous: Trust | undefined, { roots }: TrustDocuments): boolean {
  const isOther = error instanceof CryptoError && error.code === 'trust_rollback';
  return isOther && previous !== undefined && roots.length > previous.root.version;
}

function isNewest(trust: Trust | undefined, newest: NewestVersions): trust is Trust {
  return trust?.root.version === newest.root && trust.directory.version === newest.directory;
}
