import type { NewInvocation } from '@bulla/contract';
import { checkAsker, MetBundles, tokenHash, verifyInnerSignatureAndBinding } from '@bulla/crypto';
import type { InvocationClaims, VerifiedEnvelope } from '@bulla/crypto';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { ModelRegistry } from '../models/model-registry.js';
import type { ModelCall } from '../models/resilience/model-call.js';
import { OpenerService } from '../opener/opener.service.js';
import type { Claim } from '../replay/replay.service.js';
import { ReplayService } from '../replay/replay.service.js';
import { checkContents, checkPolicy, isOfPrompt, isPast, presentBundle, questionContext } from './admission.js';
import type { Judgement, Presented } from './admission.js';
import { renderChat } from './chat-run.js';
import { checkAccess, renderRun } from './prompt-run.js';

/** A question with its hashes. */
export interface OpenQuestion {
  readonly claims: InvocationClaims;
  /** `H(I)`. */
  readonly rh: string;
  /** `H` of the signed question inside. */
  readonly ih: string;
}

/** A question that may be answered: every exact check has passed, and it is claimed. */
export interface Admitted {
  readonly judgement: Judgement;
  readonly presented: Presented;
  readonly question: OpenQuestion;
  readonly claim: Claim;
}

/**
 * The steps of protocol.md §2.4 in their order: public-key work before private-key work, exact errors before a private
 * key was used, `open_failed` after. The edge has done steps 1 and 2: sizes, content type, the signature of the
 * request, and the caller's right to ask here at all. Steps 15 and 16 are in answer.ts.
 */
@Injectable()
export class Pipeline {
  readonly #met: MetBundles;

  constructor(
    private readonly opener: OpenerService,
    private readonly replay: ReplayService,
    private readonly models: ModelRegistry,
    clock: Clock,
  ) {
    this.#met = new MetBundles(() => clock.monotonicMs());
  }

  /**
   * Steps 3 to 9. A refusal here is answered with a problem document, and nothing has happened.
   * @throws {CryptoError} what each step says
   * @throws {Problem} envelope_revoked, forbidden; what the claim says
   * @throws {TrustOutdated} when other replicas trust a newer directory
   */
  async admit(judgement: Judgement, { bundle: sent, inv }: NewInvocation): Promise<Admitted> {
    const presented = await presentBundle(sent, judgement, this.#met); // 3
    await checkContents(presented, judgement); // 4
    const outer = checkPolicy(presented, inv, judgement); // 5
    const { envelope } = presented;
    const { inner } = await this.opener.openQuestion(outer, envelope.kind); // 6
    // guard: run-binding
    await verifyInnerSignatureAndBinding(inner, questionContext(envelope, judgement)); // 7
    // guard: run-asker
    checkAsker(inner, questionContext(envelope, judgement)); // 8
    const question = { claims: inner.claims, rh: await tokenHash(inv), ih: await tokenHash(inner.token) };
    const claim = await this.#claim(judgement, envelope, question); // 9
    return { judgement, presented, question, claim };
  }

  /**
   * Steps 10 to 14; of a chat, whose question is all there is, only the last. A refusal here goes into the sealed reply.
   * @throws {CryptoError} open_failed
   * @throws {Problem} forbidden, custody_not_allowed; as renderRun
   * @throws {ModelError} model_not_allowed, model_incapable
   */
  async prepare({ judgement, presented, question }: Admitted): Promise<ModelCall> {
    if (!isOfPrompt(presented)) return this.models.callFor(renderChat(presented.envelope.claims, question.claims)); // 14
    const { bundle, envelope } = presented;
    const { trust, now, responder: urn } = judgement;
    const { prm, whash, sub: asker } = envelope.claims;
    const { grant, content } = bundle;
    const { chash, name, ver } = prm;
    const sealed = { grant, content, whash, chash, sub: envelope.sub, name, ver, urn };
    const statement = await this.opener.openPrompt(sealed, trust, now); // 10, 11, 12
    // guard: run-access
    checkAccess(statement, asker, judgement); // 13
    return this.models.callFor(renderRun(statement, envelope.claims, question.claims)); // 14
  }

  #claim(judgement: Judgement, envelope: VerifiedEnvelope, { claims, rh }: OpenQuestion): Promise<Claim> {
    const { pol, jti, iat, exp } = envelope.claims;
    const prm = envelope.kind === 'prompt' ? envelope.claims.prm : undefined;
    return this.replay.claim(judgement.caller, {
      org: judgement.trust.org,
      iss: claims.iss,
      jti: claims.jti,
      rh,
      ...(prm !== undefined && { promptId: prm.id, version: prm.ver }),
      late:
        isPast(exp, judgement) || // guard: run-late-envelope
        // guard: run-late-question
        isPast(claims.exp, judgement),
      issuedAt: Math.min(iat, claims.iat),
      directory: judgement.trust.directoryRef,
      envelope: { jti, uses: pol.uses, exp },
    });
  }
}
