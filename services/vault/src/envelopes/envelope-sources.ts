import type { NewEnvelope, PromptId } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { ResolvedTag, Trust } from '@bulla/crypto';
import { CryptoError, isEarlierTag, requireFreshPosition, urnOf, verifyTags } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { GrantsService } from '../grants/grants.service.js';
import { LabelsService } from '../prompts/labels.service.js';
import { PromptsService, requireSealed } from '../prompts/prompts.service.js';
import { VersionsService } from '../prompts/versions.service.js';

const LATEST = 'latest';

/** What an envelope is made of. */
export interface EnvelopeParts {
  readonly prompt: { readonly id: PromptId; readonly name: string };
  readonly version: number;
  readonly chash: string;
  readonly content: string;
  /** The tags through which the version was found; those of `latest` where a number was named. */
  readonly tags: readonly string[];
  /** What renewers say of the position of those tags; empty where the tags say enough. */
  readonly fresh: readonly string[];
  readonly whash: string;
  readonly grant: string;
}

/** Finds what an envelope is made of: the version that was meant, the tags that prove it, the grant for the responder. */
@Injectable()
export class EnvelopeSources {
  constructor(
    private readonly clock: Clock,
    private readonly prompts: PromptsService,
    private readonly versions: VersionsService,
    private readonly labels: LabelsService,
    private readonly grants: GrantsService,
  ) {}

  /**
   * The parts of an envelope. A number travels with the tags of `latest`, which bind the name to the prompt.
   * @throws {Problem} not_found, label_not_found, custody_not_allowed, envelope_revoked for a withdrawn version,
   *   needs_rewrap, overloaded; {CryptoError} trust_expired and whatever else clients would refuse the tags for
   */
  async find(caller: Caller, wanted: NewEnvelope, trx: VaultTransaction): Promise<EnvelopeParts> {
    const { trust, org } = caller;
    if (wanted.name !== undefined) requireSealed(trust, wanted.name);
    const by = wanted.prompt === undefined ? { name: wanted.name ?? '' } : { id: wanted.prompt };
    const { id: foundId, name } = await this.prompts.findLive(caller, by, trx);
    const id = foundId as PromptId;
    requireSealed(trust, name);
    const label = wanted.label ?? LATEST;
    const { tags, fresh } = await this.labels.resolve(caller, { id, name }, label, trx);
    if (tags.every(isEarlierTag)) {
      const detail = 'the label was last signed by an earlier version of bulla: who signed it runs bulla trust renew';
      throw new Problem('trust_expired', { detail });
    }
    // guard: vault-issue-tags without:
    //   const claims = Buffer.from((tags[0] ?? '').split('.')[1] ?? '', 'base64url').toString();
    //   const said = { version: (JSON.parse(claims) as { ver: number }).ver, freshUntil: Infinity };
    //   const resolved = said as ResolvedTag;
    const resolved = await verifyTags(tags, { trust, name, label, now: this.clock.now() });
    // Who wants a version may know its content, and then nobody need say what is the newest.
    // guard: vault-issue-fresh
    if (wanted.version === undefined) await this.requireNewest(resolved, fresh, trust);
    const { version, chash, content } = await this.versions.get(caller, id, wanted.version ?? resolved.version, trx);
    // guard: vault-issue-withdrawn
    if (trust.isWithdrawn(urnOf(org, 'prompt', id), version)) {
      throw new Problem('envelope_revoked', { detail: 'this version was withdrawn' });
    }
    const { whash, token: grant } = await this.grantFor(caller, id, version, wanted.aud, trx);
    return { prompt: { id, name }, version, chash, content, tags, fresh, whash, grant };
  }

  /**
   * Grant and content of an envelope that was issued before.
   * @throws {Problem} not_found if either is gone
   */
  async findAgain(
    caller: Caller,
    id: PromptId,
    version: number,
    whash: string,
  ): Promise<{ grant: string; content: string }> {
    const { content } = await this.versions.get(caller, id, version);
    const stored = await this.grants.findByHash(caller.org, id, whash);
    const grant = stored?.token ?? (await this.grants.findRetired(caller.org, id, whash));
    if (grant === undefined) throw new Problem('not_found', { detail: 'the grant of this envelope was deleted' });
    return { grant, content };
  }

  /** @throws {CryptoError} as requireFreshPosition; {Problem} overloaded until this process knows the newest directory */
  private async requireNewest(position: ResolvedTag, words: readonly string[], trust: Trust): Promise<void> {
    try {
      await requireFreshPosition(position, words, { trust, now: this.clock.now() });
    } catch (error) {
      // Words are taken by the newest directory, which another process may have looked at sooner.
      if (error instanceof CryptoError && error.check === 'fresh-newer')
        throw new Problem('overloaded', { retryAfterSeconds: 1 });
      throw error;
    }
  }

  /** The grant for a key that prompts are sealed to now; the responder's newest where there are several. */
  private async grantFor(caller: Caller, id: PromptId, version: number, aud: string, source: VaultSource) {
    const { trust, org } = caller;
    // guard: vault-issue-responder
    if (trust.entity(aud)?.kind !== 'responder') {
      throw new Problem('not_found', { detail: 'the directory lists no such responder' });
    }
    const kids = trust.activeKeys(aud, 'unwrap', this.clock.now()).map(({ record }) => record.kid);
    const grant = await this.grants.findFor(org, id, version, kids, source);
    if (grant === undefined) throw new Problem('needs_rewrap');
    return grant;
  }
}
