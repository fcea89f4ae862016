import type { NewPromptEnvelope, PromptId } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { ResolvedTag, Trust } from '@bulla/crypto';
import { CryptoError, isEarlierTag, MetTags, requireFreshPosition, urnOf, verifyTags } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Clock, SharedReads } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { GrantsService, preferred } from '../grants/grants.service.js';
import { LabelsService } from '../prompts/labels.service.js';
import { ManagedGrants } from '../managed/custody/managed-grants.js';
import { requireToken, VersionsService } from '../prompts/versions.service.js';
import { EnvelopeMaterialRepository } from './envelope-material.repository.js';

const LATEST = 'latest';

/** What travels with an envelope, the same for all who ask for it at about the same moment. */
export interface Beside {
  readonly grant: string;
  readonly content: string;
  /** The tags through which the version was found; those of `latest` where a number was named. */
  readonly tags: string[];
  /** What renewers say of the position of those tags; left out where the tags say enough. */
  readonly fresh?: string[];
}

/** What an envelope is made of. */
export interface EnvelopeParts {
  readonly prompt: { readonly id: PromptId; readonly name: string };
  readonly version: number;
  readonly chash: string;
  readonly whash: string;
  readonly beside: Beside;
  /** Members of what is kept for a retry, but for the envelope: JSON text without its braces. */
  readonly kept: string;
  /** Whose tags these are, and its position. */
  readonly label: string;
  readonly seq: number;
}

/** Finds what an envelope is made of: the version that was meant, the tags that prove it, the grant for the responder. */
@Injectable()
export class EnvelopeSources {
  /** By what they are judged by. */
  private readonly shared = new WeakMap<Trust, SharedReads<EnvelopeParts>>();
  private readonly met: MetTags;

  constructor(
    private readonly clock: Clock,
    private readonly material: EnvelopeMaterialRepository,
    private readonly versions: VersionsService,
    private readonly labels: LabelsService,
    private readonly grants: GrantsService,
    private readonly managed: ManagedGrants,
  ) {
    this.met = new MetTags(() => clock.monotonicMs());
  }

  /**
   * The parts of an envelope, found and judged once for all who ask for the same at about the same moment. A number travels with the tags of `latest`, which bind the name to the prompt.
   * @throws {Problem} not_found, label_not_found, envelope_revoked for a withdrawn version, needs_rewrap,
   *   content_uncommitted, overloaded; {CryptoError} trust_expired and whatever else clients would refuse the tags for
   */
  find({ trust, org }: Caller, wanted: NewPromptEnvelope): Promise<EnvelopeParts> {
    const shared = this.shared.get(trust) ?? new SharedReads();
    this.shared.set(trust, shared);
    const { prompt, name, label, version, aud } = wanted;
    const key = JSON.stringify([org, prompt, name, label, version, aud]);
    return shared.run(key, () => this.findFor(trust, org, wanted));
  }

  private async findFor(trust: Trust, org: string, wanted: NewPromptEnvelope): Promise<EnvelopeParts> {
    const by = wanted.prompt === undefined ? { name: wanted.name ?? '' } : { id: wanted.prompt };
    const label = wanted.label ?? LATEST;
    const now = this.clock.now();
    const recipients = trust.activeKeys(wanted.aud, 'unwrap', now);
    const kids = recipients.map(({ record }) => record.kid);
    const material = await this.material.find({ org, by, label, version: wanted.version, kids, now });
    if (material === undefined) throw new Problem('not_found');
    const id = material.id as PromptId;
    const { name } = material;
    const { tags, words: fresh } = this.labels.serve(trust, id, material);
    // guard: vault-issue-tags without:
    //   const claims = Buffer.from((tags[0] ?? '').split('.')[1] ?? '', 'base64url').toString();
    //   const said = { version: (JSON.parse(claims) as { ver: number }).ver, freshUntil: Infinity };
    //   const resolved = said as ResolvedTag;
    const resolved = await verifyTags(tags, { trust, name, label, now, met: this.met }).catch((error: unknown) => {
      throw tags.every(isEarlierTag) ? signedByEarlier() : error;
    });
    // Who wants a version may know its content, and then nobody need say what is the newest.
    // guard: vault-issue-fresh
    if (wanted.version === undefined) await this.requireNewest(resolved, fresh, trust);
    const { version } = material;
    if (version?.version !== (wanted.version ?? resolved.version)) throw new Problem('not_found');
    requireToken(version.content);
    // Nobody who is handed it could run it.
    // guard: vault-issue-committed
    if (version.dkc === null) throw new Problem('content_uncommitted');
    // guard: vault-issue-withdrawn
    if (trust.isWithdrawn(urnOf(org, 'prompt', id), version.version)) {
      throw new Problem('envelope_revoked', { detail: 'this version was withdrawn' });
    }
    // guard: vault-issue-responder
    if (trust.entity(wanted.aud)?.kind !== 'responder') {
      throw new Problem('not_found', { detail: 'the directory lists no such responder' });
    }
    const [stored] = preferred(material.grants, kids);
    const { whash, token: grant } = stored ?? (await this.managed.make(trust, { id, name, ...version }, recipients[0]));
    const { version: number, chash, content } = version;
    const beside = besideOf({ grant, content }, { tags, fresh });
    const kept = JSON.stringify({ tags, fresh, prompt: id, version: number, whash }).slice(1, -1);
    return { prompt: { id, name }, version: number, chash, whash, beside, kept, label, seq: resolved.seq };
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
}

/** @param said what was found with the envelope; an earlier version of the vault kept no words of renewers */
export function besideOf(
  { grant, content }: Pick<Beside, 'grant' | 'content'>,
  { tags, fresh = [] }: { readonly tags: readonly string[]; readonly fresh?: readonly string[] },
): Beside {
  return { grant, content, tags: [...tags], ...(fresh.length > 0 && { fresh: [...fresh] }) };
}

function signedByEarlier(): Problem {
  const detail = 'the label was last signed by an earlier version of bulla: who signed it runs bulla trust renew';
  return new Problem('trust_expired', { detail });
}
