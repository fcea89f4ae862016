import type { AnswerParts, ChatEnvelopeClaims, EnvelopeClaims, FinRest, TagClaims } from '@bulla/crypto';
import { composeAnswer, mintId, organisationUrn, signTag, urnOf } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Answered, Asked, Cast } from './exchange.js';
import { ask, chunkDeltas, envelopeClaims, reply } from './exchange.js';

type TestMember = TestOrganisation['author'];

/** The cast of an organisation that can still publish. */
export async function castOfMembers(organisation: TestOrganisation, prompt: string = mintId('prm')): Promise<Cast> {
  const { trust, now, vault, invoker, responders } = organisation;
  const [responder] = responders;
  const enc = trust.holder(responder.enc?.kid ?? '');
  if (enc === undefined) throw new Error('the responder has no encryption key');
  return {
    trust,
    now,
    vault,
    asker: invoker,
    responder: { urn: responder.urn, signer: responder.signer, enc, unwrapper: await responder.unwrapper() },
    prompt,
  };
}

/** A tag that points where an envelope does, by one member, with members replaced at will. */
export function tagOf(
  cast: Cast,
  envelope: EnvelopeClaims,
  by: Pick<TestMember, 'urn' | 'signer'>,
  change: Partial<TagClaims> = {},
): Promise<string> {
  const { org } = cast.trust;
  const claims = {
    iss: by.urn,
    aud: organisationUrn(org),
    sub: urnOf(org, 'prompt', envelope.prm.id),
    name: envelope.prm.name,
    tag: 'latest',
    ver: envelope.prm.ver,
    chash: envelope.prm.chash,
    seq: 1,
    prev: '',
    iat: cast.now - 60,
    exp: cast.now + 86_400,
    purpose: 'prompt.tag',
    ...change,
  };
  return signTag(claims as TagClaims, by.signer);
}

/** All that one question and its answer leave behind. */
export interface Exchange {
  readonly asked: Asked;
  readonly answered: Answered;
  readonly parts: AnswerParts;
}

export interface ExchangePlan {
  readonly envelope?: EnvelopeClaims | ChatEnvelopeClaims;
  readonly contents?: readonly string[];
  readonly fin?: Partial<FinRest>;
  readonly tags?: readonly string[];
}

/** One question asked and answered; the tag is the author's, for a prompt. */
export async function exchange(cast: Cast, author: TestMember, plan: ExchangePlan = {}): Promise<Exchange> {
  const envelope = plan.envelope ?? envelopeClaims(cast);
  const asked = await ask(cast, envelope);
  const answered = await reply(cast, asked, chunkDeltas(plan.contents ?? ['Call the', ' plumber.']), plan.fin);
  const tags = plan.tags ?? (envelope.purpose === 'prompt.invoke' ? [await tagOf(cast, envelope, author)] : []);
  const { head, deltas, fin } = answered;
  return {
    asked,
    answered,
    parts: { documents: cast.trust.documents, tags, envelope: asked.envelopeToken, head, deltas, fin },
  };
}

interface AnswerJson {
  [member: string]: unknown;
  evidence: { [member: string]: unknown };
}

/** The answer file of some parts, changed by hand after it was composed. */
export function answerFile(parts: AnswerParts, change: (answer: AnswerJson) => void = () => {}): string {
  const answer = JSON.parse(composeAnswer(parts)) as AnswerJson;
  change(answer);
  return `${JSON.stringify(answer)}\n`;
}
