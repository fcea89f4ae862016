import type { Bundle, NewChatEnvelope } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { ENVELOPE_TTL_MAX_SECONDS, signChatEnvelope } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { RateLimits } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import type { EnvelopeFacts } from './envelope-mint.js';
import { EnvelopeMint } from './envelope-mint.js';
import { EnvelopesRepository, WRITE_CHAT_ENVELOPE } from './envelopes.repository.js';
import { HeldChatEnvelopesRepository } from './held-chat-envelopes.repository.js';

/** Leave to chat without a stored prompt (protocol.md §2.2): whose policy lets them, with the models that they name. */
@Injectable()
export class ChatEnvelopes {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly mint: EnvelopeMint,
    private readonly envelopes: EnvelopesRepository,
    private readonly held: HeldChatEnvelopesRepository,
    private readonly limits: RateLimits,
  ) {}

  /**
   * Issues an envelope for one question, or for several: who asks often comes here once for all of them. What they may
   * ask is taken from their limits now.
   * @throws {Problem} forbidden unless the policy lets the asker chat, not_found for a responder that is not one,
   *   rate_limited for a third envelope for several questions
   */
  async issue(caller: Caller, wanted: NewChatEnvelope): Promise<Answer<Bundle>> {
    await this.limits.charge(caller, wanted.uses - 1);
    if (wanted.uses > 1) return this.ledger.run(caller, (trx) => this.#share(trx, caller, wanted));
    return this.ledger.insertOnce(caller, WRITE_CHAT_ENVELOPE, async () =>
      this.#make(caller, wanted, this.#factsFor(caller, wanted)),
    );
  }

  /** The envelope is there together with the word that its device has it; one too many is not even signed. */
  async #share(trx: VaultTransaction, caller: Caller, wanted: NewChatEnvelope) {
    const { org, urn: device } = caller;
    const facts = this.#factsFor(caller, wanted);
    const { jti, iat: now, exp: until } = facts;
    if (!(await this.held.hold(trx, { org, device, jti, until, replaces: wanted.replaces, now }))) {
      const first = await this.held.firstEnd(trx, org, device, now);
      const detail =
        'this device has as many envelopes for several questions as it may: use them up, or ask for one use';
      throw new Problem('rate_limited', { detail, retryAfterSeconds: Math.max(1, (first ?? now) - now) });
    }
    const { own, ...effect } = await this.#make(caller, wanted, facts);
    await this.envelopes.add(trx, own);
    return effect;
  }

  /** @throws {Problem} forbidden, not_found */
  #factsFor(caller: Caller, { aud, uses }: NewChatEnvelope): EnvelopeFacts {
    const { trust, urn } = caller;
    // guard: vault-chat
    if (!trust.mayChat(urn))
      throw new Problem('forbidden', {
        detail: 'the policy lets no group of this device chat without a stored prompt',
      });
    // guard: vault-chat-responder
    if (trust.entity(aud)?.kind !== 'responder')
      throw new Problem('not_found', { detail: 'the directory lists no such responder' });
    return this.mint.factsFor(caller, aud, uses > 1 ? ENVELOPE_TTL_MAX_SECONDS : this.mint.lifeSeconds);
  }

  async #make(caller: Caller, { models, aud, uses }: NewChatEnvelope, facts: EnvelopeFacts) {
    const { jti, iat, exp } = facts;
    const pol = { uses, stream: true, models: [...models] };
    const env = await signChatEnvelope({ ...facts, purpose: 'chat.invoke', pol }, this.mint.signer(caller, iat));
    const obj = { envelope: jti, models: models.length, responder: aud, uses };
    const of = { jti, org: caller.org, aud, requester_kid: caller.kid };
    const own = { ...of, prompt_id: null, version: null, whash: null, expires_at: new Date(exp * 1000) };
    const body: Bundle = { v: 1, env, tags: [] };
    return { body, event: { act: 'envelope.issue', obj } as const, keepSeconds: exp - iat, own };
  }
}
