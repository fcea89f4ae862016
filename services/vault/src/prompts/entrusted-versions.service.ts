import type { AcceptedVersion, ClearStatement, NewClearVersion, PromptId } from '@bulla/contract';
import { parseTemplate, Problem, TemplateError, templateVariables } from '@bulla/contract';
import type { Recipient, SealedContent, Statement } from '@bulla/crypto';
import {
  CryptoError,
  encodeBase64url,
  organisationUrn,
  randomBytes,
  sealContent,
  sealGrant,
  signStatement,
  urnOf,
  verifyStatement,
} from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { GrantsService } from '../grants/grants.service.js';
import { DepositKeys } from '../managed/custody/deposit-keys.js';
import { isManaged, ManagedCustody, requireSecure } from '../managed/custody/managed-custody.js';
import { PromptsRepository } from './prompts.repository.js';
import { requireAuthor } from './prompts.service.js';
import { VersionWrites } from './version-writes.js';

/** Versions of managed names that come in the clear: the vault signs and seals them as an author would (protocol.md §2.3). */
@Injectable()
export class EntrustedVersionsService {
  constructor(
    private readonly clock: Clock,
    private readonly keys: ServiceKeys,
    private readonly deposits: DepositKeys,
    private readonly prompts: PromptsRepository,
    private readonly grants: GrantsService,
    private readonly custody: ManagedCustody,
    private readonly writes: VersionWrites,
  ) {}

  /** Stores what was sent as the version after the newest. Labels are moved by those who may sign them. */
  async create(
    caller: Caller,
    id: PromptId,
    newest: number,
    sent: NewClearVersion,
    isSecure: boolean,
  ): Promise<Answer<AcceptedVersion>> {
    // guard: entrust-secure
    requireSecure(isSecure);
    const name = sent.prompt?.name ?? (await this.prompts.find(caller.org, id))?.name;
    if (name === undefined) throw new Problem('not_found');
    requireAuthor(caller, name);
    // guard: entrust-custody
    if (!isManaged(name, caller.trust))
      throw new Problem('custody_not_allowed', {
        detail: 'the policy keeps this name sealed: seal it where it is written',
      });
    requireTemplates(sent.statement);
    if (!sent.statement.acl.responders.every((urn) => caller.trust.entity(urn)?.kind === 'responder'))
      throw new Problem('validation_failed', {
        detail: 'the rights name a responder that the directory does not list',
      });
    const version = newest + 1;
    const sealed = await this.seal(caller, { id, name, version }, sent.statement);
    try {
      const { chash, dekId, dkc, content } = sealed;
      const place = { promptId: id, version, chash, dekId, dkc };
      const tokens: string[] = [];
      for (const recipient of this.recipients(caller, sent.statement))
        tokens.push(await sealGrant(sealed.dek, sealed, recipient));
      const grants = await this.grants.check(caller.trust, place, tokens);
      const wrapped = () => this.custody.wrap(caller.trust, { ...place, name }, sealed.dek);
      const parts = { act: 'version.entrust', place, content, grants, tags: [], prompt: sent.prompt, wrapped } as const;
      // Whoever has the database alone cannot try what was sent.
      // guard: entrust-keyed-hash without: return await this.writes.write(caller, parts);
      return await this.writes.write(caller, parts, { requestHashes: (text) => this.deposits.macsOf(text) });
    } finally {
      sealed.dek.wipe();
    }
  }

  /** Signed by the vault's own key for contents, and verified as everybody will. */
  private async seal(
    { org, trust }: Caller,
    { id, name, version }: { readonly id: PromptId; readonly name: string; readonly version: number },
    said: ClearStatement,
  ): Promise<SealedContent> {
    const sub = urnOf(org, 'prompt', id);
    const now = this.clock.now();
    const statement: Statement = {
      iss: this.keys.urnIn(org),
      aud: organisationUrn(org),
      sub,
      name,
      ver: version,
      iat: now,
      jti: encodeBase64url(randomBytes(16)),
      purpose: 'prompt.content',
      custody: 'managed',
      n: encodeBase64url(randomBytes(16)),
      protect_until: said.protect_until,
      acl: said.acl,
      input: said.input,
      content: said.content,
      attachments: [],
      message: said.message,
    };
    try {
      const token = await signStatement(statement, this.keys.signer('content', trust, now));
      const sealed = await sealContent(token, { org, sub, ver: version });
      await verifyStatement(token, { trust, now, chash: sealed.chash, expect: { sub, name, ver: version } });
      return sealed;
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      if (error.check === 'statement-key')
        throw new Problem('custody_not_allowed', { detail: 'the directory lists no key of the vault for contents' });
      throw new Problem('validation_failed', { detail: 'the statement cannot be signed' });
    }
  }

  /** Whoever sent it, then responders and readers, and the recovery key; all of the signed directory. */
  private recipients({ trust, urn }: Caller, { acl }: ClearStatement): Recipient[] {
    const now = this.clock.now();
    const readers = trust
      .entitiesOf('device')
      .filter((device) => trust.groupsOf(device).some((group) => acl.read.includes(group)));
    const recovery = trust.recoveryRecipient();
    const keys = [urn, ...acl.responders, ...readers].flatMap((one) =>
      trust.activeKeys(one, 'unwrap', now).slice(0, 1),
    );
    const all = [...keys, ...(recovery === undefined ? [] : [recovery])];
    return [...new Map(all.map((recipient) => [recipient.record.kid, recipient])).values()];
  }
}

/** @throws {Problem} validation_failed where the text is no template of the variables; nothing of it is told */
function requireTemplates({ content }: ClearStatement): void {
  const declared = new Set(Object.keys(content.vars));
  try {
    const used = content.messages.flatMap((message) => templateVariables(parseTemplate(message.content)));
    if (used.every((name) => declared.has(name))) return;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
  }
  throw new Problem('validation_failed', { detail: 'the text is no template of its variables' });
}
