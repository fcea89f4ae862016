import type { AcceptedVersion, Kid, LabelMoveResult, NewVersion, PromptId } from '@bulla/contract';
import { entityTag, GRANTS_MAX, Problem } from '@bulla/contract';
import type { Answer, AuditEntry, Caller, Effect, RunOptions } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import type { CheckedGrant, GrantedVersion } from '../grants/grants.service.js';
import { GrantsService } from '../grants/grants.service.js';
import { isManaged } from '../managed/custody/managed-custody.js';
import type { WrappedDataKey } from '../managed/custody/data-keys.js';
import { KekReplaced, KekWraps } from '../managed/keyring/kek-wraps.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import type { CheckedTags } from './label-moves.js';
import { LabelMoves, moveEvent } from './label-moves.js';
import { PromptsRepository } from './prompts.repository.js';
import { PromptsService, requireAuthor } from './prompts.service.js';
import { VersionsRepository } from './versions.repository.js';

/** All of a version that is to be there together, or not at all. */
export interface VersionParts {
  readonly act: 'version.create' | 'version.entrust';
  readonly place: GrantedVersion & { readonly promptId: PromptId };
  /** C. */
  readonly content: string;
  readonly grants: readonly CheckedGrant[];
  readonly tags: readonly CheckedTags[];
  /** Makes the prompt too. */
  readonly prompt: NewVersion['prompt'];
  /** Its key under a key of the organisation, made anew where that key was replaced meanwhile; undefined if sealed. */
  readonly wrapped: () => Promise<WrappedDataKey | undefined>;
}

/** How often the key of an organisation may be replaced while one version is stored. */
const TRIES_MAX = 3;

/** The one way a version comes to be: content, grants, wrap and labels in one transaction. */
@Injectable()
export class VersionWrites {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly room: PromptsService,
    private readonly prompts: PromptsRepository,
    private readonly versions: VersionsRepository,
    private readonly grants: GrantsService,
    private readonly restores: RestoreGuard,
    private readonly moves: LabelMoves,
    private readonly wraps: KekWraps,
  ) {}

  /** @throws {Problem} what is wrong with it, once nonce and audit row of the refusal are there */
  async write(caller: Caller, parts: VersionParts, options: RunOptions = {}): Promise<Answer<AcceptedVersion>> {
    for (let tries = 1; ; tries++) {
      const wrapped = await parts.wrapped();
      try {
        return await this.ledger.run(caller, (trx) => this.store(trx, caller, parts, wrapped), options);
      } catch (error) {
        if (!(error instanceof KekReplaced) || tries === TRIES_MAX) throw error;
      }
    }
  }

  private async store(
    trx: VaultTransaction,
    caller: Caller,
    { act, place, content, grants, tags, prompt }: VersionParts,
    wrapped: WrappedDataKey | undefined,
  ): Promise<Effect<AcceptedVersion>> {
    const { promptId: id, version, chash, dekId, dkc } = place;
    const { org } = caller;
    // Its number may be that of a version that was lost.
    await this.restores.requireUnrestored(trx, org);
    const also: AuditEntry[] = [];
    if (prompt !== undefined) also.push((await this.room.make(trx, caller, { id, ...prompt })).event);
    const { name } = await this.room.findLive(caller, { id }, trx);
    // guard: vault-version-author
    requireAuthor(caller, name);
    // guard: vault-version-custody
    if (isManaged(name, caller.trust) !== (wrapped !== undefined)) throw new Problem('custody_not_allowed');
    if (!(await this.prompts.claimVersion(trx, org, id, version))) throw new Problem('version_conflict');
    const author = { author_kid: caller.kid, author_urn: caller.urn };
    const row = { prompt_id: id, version, org, chash, content, dek_id: dekId, dkc, ...author };
    if (!(await this.versions.insert(trx, row))) throw new Problem('version_conflict');
    // By the newest directory, and so by the policy that counts, until the transaction ends.
    await this.grants.store(
      trx,
      caller,
      grants.map((grant) => ({ ...grant, ...place })),
      { ofNewVersion: true },
    );
    if (wrapped !== undefined) {
      const { kekVersion, wrap } = wrapped;
      await this.wraps.insert(trx, { org, prompt_id: id, version, kek_version: kekVersion, wrap });
    }
    const labels: LabelMoveResult[] = [];
    for (const tag of tags) {
      const outcome = await this.moves.take(trx, caller, tag);
      labels.push(outcome.result);
      also.push(moveEvent(id, tag, outcome));
    }
    const to = grants.slice(0, GRANTS_MAX).map(({ kid }) => kid as Kid);
    const event = { act, obj: { prompt: id, version, chash, grants: grants.length, to } } as const;
    return { body: { version, chash, labels }, event, also, etag: entityTag(version) };
  }
}
