import type { NewEnvelope, PromptId } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { KeyHolder } from '@bulla/crypto';
import { urnOf, verifyTags } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { GrantsService } from '../grants/grants.service.js';
import { LabelsService } from '../prompts/labels.service.js';
import { PromptsService } from '../prompts/prompts.service.js';
import { VersionsService } from '../prompts/versions.service.js';

const LATEST = 'latest';

interface PromptPlace {
  readonly id: PromptId;
  readonly name: string;
}

type Found = Awaited<ReturnType<VersionsService['get']>>;

/** What an envelope is made of: the prompt, the version that was meant, and the tags that prove it was. */
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
   * The version that a label or number means. A number travels with the tags of `latest`, which bind the name to
   * the prompt.
   * @throws {Problem} not_found, label_not_found, envelope_revoked for a withdrawn version; {CryptoError} trust_expired
   *   where clients would refuse the tags
   */
  async find(caller: Caller, wanted: NewEnvelope): Promise<{ prompt: PromptPlace; version: Found; tags: readonly string[] }> {
    const by = wanted.prompt === undefined ? { name: wanted.name ?? '' } : { id: wanted.prompt };
    const prompt = await this.prompts.findLive(caller, by);
    const id = prompt.id as PromptId;
    const label = wanted.label ?? LATEST;
    const position = await this.labels.resolve(caller, prompt, label);
    const { trust } = caller;
    await verifyTags(position.tokens, { trust, name: prompt.name, label, now: this.clock.now() });
    const version = await this.versions.get(caller, id, wanted.version ?? position.version);
    if (trust.isWithdrawn(urnOf(caller.org, 'prompt', id), version.version)) throw new Problem('envelope_revoked', { detail: 'this version was withdrawn' });
    return { prompt: { id, name: prompt.name }, version, tags: position.tokens };
  }

  /** The grant of a version for a responder's active key. */
  async grantFor(caller: Caller, version: Found, recipient: KeyHolder): Promise<{ whash: string; token: string }> {
    const grant = await this.grants.findFor(caller.org, version.prompt_id, version.version, [recipient.record.kid]);
    if (grant === undefined) throw new Problem('needs_rewrap');
    return grant;
  }
}
