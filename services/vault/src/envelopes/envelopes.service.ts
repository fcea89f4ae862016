import type { Bundle, EnvelopeId, EnvelopeStatus, NewEnvelope } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { EnvelopeClaims, KeyHolder } from '@bulla/crypto';
import { mintId, signEnvelope } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import { EnvelopeSources } from './envelope-sources.js';
import { EnvelopesRepository } from './envelopes.repository.js';

/** How long an envelope may be used (protocol.md §2.2: 120 s, at most 300). */
const LIFE_SECONDS = 120;

/** Short-lived leave to run one version: for one asker, at one responder. */
@Injectable()
export class EnvelopesService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly keys: ServiceKeys,
    private readonly sources: EnvelopeSources,
    private readonly envelopes: EnvelopesRepository,
  ) {}

  /**
   * Issues an envelope with the grant and the content it names. It is on record before it is handed out, and the
   * same Idempotency-Key gets the same one.
   */
  async issue(caller: Caller, wanted: NewEnvelope): Promise<Answer<Bundle>> {
    const { prompt, version, tags } = await this.sources.find(caller, wanted);
    if (caller.trust.custodyOf(prompt.name) !== 'sealed') throw new Problem('custody_not_allowed');
    const recipient = this.recipientOf(caller, wanted.aud);
    const grant = await this.sources.grantFor(caller, version, recipient);
    const { idempotencyKey: req = '' } = caller.request;
    const iat = this.clock.now();
    const claims: EnvelopeClaims = {
      iss: this.keys.urnIn(caller.org),
      aud: wanted.aud,
      sub: caller.urn,
      iat,
      nbf: iat,
      exp: iat + LIFE_SECONDS,
      jti: mintId('env'),
      purpose: 'prompt.invoke',
      req,
      prm: { id: prompt.id, name: prompt.name, ver: version.version, chash: version.chash },
      whash: grant.whash,
      cnf: { jkt: caller.kid },
      pol: { uses: wanted.uses, stream: true },
    };
    const env = await signEnvelope(claims, this.keys.signer('envelope'));
    return this.ledger.run(caller, async (trx) => {
      const row = { jti: claims.jti, org: caller.org, prompt_id: prompt.id, version: version.version, aud: wanted.aud, requester_kid: caller.kid, whash: grant.whash };
      await this.envelopes.insert(trx, { ...row, expires_at: new Date(claims.exp * 1000) });
      const obj = { envelope: claims.jti, prompt: prompt.id, version: version.version, whash: grant.whash, responder: wanted.aud, uses: wanted.uses };
      // A retry gets the same envelope as long as one could still use it.
      return { body: { v: 1, env, grant: grant.token, content: version.content, tags: [...tags] }, event: { act: 'envelope.issue', obj }, keepSeconds: LIFE_SECONDS };
    });
  }

  async status(caller: Caller, jti: EnvelopeId): Promise<EnvelopeStatus> {
    const row = await this.envelopes.find(caller.org, jti);
    const { trust, urn } = caller;
    const mayRead = trust.hasRole(urn, 'admin') || trust.hasRole(urn, 'auditor') || trust.holder(row?.requester_kid ?? '')?.urn === urn;
    if (row === undefined || !mayRead) throw new Problem('not_found');
    const state = row.expires_at.getTime() > this.clock.nowMs() ? 'issued' : 'expired';
    return { jti: row.jti, state, expires_at: row.expires_at.toISOString() };
  }

  /** The key of a responder that prompts are sealed to now. */
  private recipientOf({ trust }: Caller, aud: string): KeyHolder {
    if (trust.entity(aud)?.kind !== 'responder') throw new Problem('not_found', { detail: 'the directory lists no such responder' });
    const [newest] = trust.activeKeys(aud, 'unwrap', this.clock.now());
    if (newest === undefined) throw new Problem('key_revoked', { detail: 'the responder has no active encryption key' });
    return newest;
  }
}
