import type { Bundle, NewChatEnvelope } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { ENVELOPE_TTL_MAX_SECONDS, signChatEnvelope } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Answer, Clock, RateLimits } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { EnvelopeMint } from './envelope-mint.js';
import { EnvelopesRepository, WRITE_CHAT_ENVELOPE } from './envelopes.repository.js';
import { HeldChatEnvelopesRepository } from './held-chat-envelopes.repository.js';

/** Leave to chat without a stored prompt (protocol.md §2.2): whose policy lets them, with the models that they name. */
@Injectable()
export class ChatEnvelopes {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
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
    return this.ledger.insertOnce(caller, WRITE_CHAT_ENVELOPE, () => this.#make(caller, wanted));
  }

  /** The envelope is there together with the word that its device has it. */
  async #share(trx: VaultTransaction, caller: Caller, wanted: NewChatEnvelope) {
    const { own, ...effect } = await this.#make(caller, wanted);
    const { org, urn: device } = caller;
    const now = this.clock.now();
    const until = Math.floor(own.expires_at.getTime() / 1000);
    const isHeld = await this.held.hold(trx, { org, device, jti: own.jti, until, replaces: wanted.replaces, now });
    if (!isHeld) {
      const first = await this.held.firstEnd(trx, org, device, now);
      const detail =
        'this device has as many envelopes for several questions as it may: use them up, or ask for one use';
      throw new Problem('rate_limited', { detail, retryAfterSeconds: Math.max(1, (first ?? now) - now) });
    }
    await this.envelopes.add(trx, own);
    return effect;
  }

  async #make(caller: Caller, { models, aud, uses }: NewChatEnvelope) {
    const { trust, urn, org, kid } = caller;
    // guard: vault-chat
    if (!trust.mayChat(urn))
      throw new Problem('forbidden', {
        detail: 'the policy lets no group of this device chat without a stored prompt',
      });
    // guard: vault-chat-responder
    if (trust.entity(aud)?.kind !== 'responder')
      throw new Problem('not_found', { detail: 'the directory lists no such responder' });
    const lifeSeconds = uses > 1 ? ENVELOPE_TTL_MAX_SECONDS : this.mint.lifeSeconds;
    const facts = this.mint.factsFor(caller, aud, lifeSeconds);
    const pol = { uses, stream: true, models: [...models] };
    const env = await signChatEnvelope({ ...facts, purpose: 'chat.invoke', pol }, this.mint.signer(caller, facts.iat));
    const obj = { envelope: facts.jti, models: models.length, responder: aud, uses };
    const of = { jti: facts.jti, org, aud, requester_kid: kid };
    const own = { ...of, prompt_id: null, version: null, whash: null, expires_at: new Date(facts.exp * 1000) };
    const body: Bundle = { v: 1, env, tags: [] };
    return { body, event: { act: 'envelope.issue', obj } as const, keepSeconds: lifeSeconds, own };
  }
}
