import type { Bundle, EnvelopeId, EnvelopeStatus, NewEnvelope, NewPromptEnvelope, PromptId } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { EnvelopeClaims } from '@bulla/crypto';
import { signEnvelope } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Answer, Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import { ChatEnvelopes } from './chat-envelopes.service.js';
import { EnvelopeMint } from './envelope-mint.js';
import type { EnvelopeParts } from './envelope-sources.js';
import { besideOf, EnvelopeSources } from './envelope-sources.js';
import { EnvelopesRepository, WRITE_PROMPT_ENVELOPE } from './envelopes.repository.js';

/** What a retry needs to get the same bundle: grant and content are large and never change, so they are read again. */
interface Issued {
  readonly env: string;
  readonly tags: readonly string[];
  /** Not in what an earlier version of the vault has kept. */
  readonly fresh?: readonly string[];
  readonly prompt: PromptId;
  readonly version: number;
  readonly whash: string;
}

/** Short-lived leave to run one version: for one asker, at one responder. */
@Injectable()
export class EnvelopesService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly mint: EnvelopeMint,
    private readonly sources: EnvelopeSources,
    private readonly envelopes: EnvelopesRepository,
    private readonly chats: ChatEnvelopes,
  ) {}

  /** As {@link issueForPrompt} for a stored prompt, as {@link ChatEnvelopes.issue} for a chat. */
  issue(caller: Caller, wanted: NewEnvelope): Promise<Answer<Bundle>> {
    return wanted.purpose === 'chat.invoke' ? this.chats.issue(caller, wanted) : this.issueForPrompt(caller, wanted);
  }

  /**
   * Issues an envelope with the grant and the content it names. It is on record before it is handed out, and the
   * same Idempotency-Key gets the same one.
   */
  async issueForPrompt(caller: Caller, wanted: NewPromptEnvelope): Promise<Answer<Bundle>> {
    let found: EnvelopeParts | undefined;
    const { body: issued, replayed } = await this.ledger.insertOnce(caller, WRITE_PROMPT_ENVELOPE, async () => {
      const parts = await this.sources.find(caller, wanted);
      const claims = this.claimsFor(caller, wanted, parts);
      const env = await signEnvelope(claims, this.mint.signer(caller, claims.iat));
      const { prompt, version, whash, label, seq } = parts;
      const place = { prompt_id: prompt.id, name: prompt.name, version, label, seq, whash };
      const of = { jti: claims.jti, org: caller.org, aud: wanted.aud, requester_kid: caller.kid };
      const own = { ...of, ...place, expires_at: new Date(claims.exp * 1000) };
      found = parts;
      const { tags, fresh } = parts.beside;
      const body: Issued = { env, tags, prompt: prompt.id, version, whash, ...(fresh !== undefined && { fresh }) };
      const { aud: responder, uses } = wanted;
      const obj = { envelope: claims.jti, prompt: prompt.id, version, whash, responder, uses };
      // A retry gets the same envelope as long as one could still use it.
      const event = { act: 'envelope.issue', obj } as const;
      // Nothing in a token is escaped there.
      const bodyText = `{"env":"${env}",${parts.kept}}`;
      return { body, bodyText, event, keepSeconds: this.mint.lifeSeconds, own };
    });
    const { env } = issued;
    if (found !== undefined && !replayed) return Answer.sharing({ v: 1, env }, found.beside);
    // What was read for a request that is answered as before is of now, and not what was answered.
    const again = await this.sources.findAgain(caller, issued.prompt, issued.version, issued.whash);
    return Answer.sharing({ v: 1, env }, besideOf(again, issued), { replayed });
  }

  async status(caller: Caller, jti: EnvelopeId): Promise<EnvelopeStatus> {
    const row = await this.envelopes.find(caller.org, jti);
    const { trust, urn } = caller;
    const seesAll = trust.hasRole(urn, 'admin') || trust.hasRole(urn, 'auditor');
    if (
      row === undefined ||
      !(seesAll || trust.holder(row.requester_kid)?.urn === urn) // guard: vault-status
    )
      throw new Problem('not_found');
    const state = row.expires_at.getTime() > this.clock.nowMs() ? 'issued' : 'expired';
    return { jti: row.jti, state, expires_at: row.expires_at.toISOString() };
  }

  private claimsFor(caller: Caller, wanted: NewPromptEnvelope, parts: EnvelopeParts): EnvelopeClaims {
    const { prompt, version, chash, whash } = parts;
    return {
      ...this.mint.factsFor(caller, wanted.aud, this.mint.lifeSeconds),
      purpose: 'prompt.invoke',
      prm: { id: prompt.id, name: prompt.name, ver: version, chash },
      whash,
      pol: { uses: wanted.uses, stream: true },
    };
  }
}
