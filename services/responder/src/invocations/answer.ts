import type {
  Bytes,
  ChatEnvelopeClaims,
  EnvelopeClaims,
  FinRest,
  InvocationClaims,
  Signer,
  Trust,
} from '@bulla/crypto';
import { decodeBase64url, digestB64u, ReplySealer, Secret, utf8 } from '@bulla/crypto';
import type { ModelCall } from '../models/resilience/model-call.js';
import type { AnswerMeter } from './answer-budget.js';
import type { AnswerEnd } from './answer-end.js';
import { RunStopped } from './answer-end.js';
import { linesOf } from './answer-lines.js';
import { pacedDeltas, paceOf } from './pacing.js';

/** One part of a sealed reply, in the order head, frames, final. */
export interface ReplyPart {
  readonly kind: 'head' | 'frame' | 'final';
  readonly bytes: Bytes;
}

/** Everything one answer is made from. */
export interface AnswerPlan {
  /** Signs the fin. */
  readonly signer: Signer;
  /** URN of this responder. */
  readonly responder: string;
  /** What its fin states as `dir`. */
  readonly trust: Trust;
  /** The newest checkpoint of the log of this responder, if there is one to tell. */
  readonly checkpoint: () => Promise<string | undefined>;
  /** The clock in seconds. */
  readonly now: () => number;
  readonly envelope: { readonly claims: EnvelopeClaims | ChatEnvelopeClaims; readonly hash: string };
  readonly question: {
    readonly claims: InvocationClaims /** `H(I)` and `H` of what was inside. */;
    readonly rh: string;
    readonly ih: string;
  };
  /** What to ask the model, or why it is not asked: steps 10 to 14 failed. */
  readonly call: Pick<ModelCall, 'stream' | 'request'> | { readonly refused: unknown };
  /** How much it may say. */
  readonly meter: AnswerMeter;
  /** Says whether the run still holds its claim; asked before the end is signed. */
  readonly isHeld: () => Promise<boolean>;
  /** Why it stopped being held; given to the end as its error. */
  readonly lost: () => unknown;
}

/**
 * Steps 15 and 16 of protocol.md §2.4: runs the model and seals what it says, frame by frame. A whole answer and a
 * stream differ only in who collects the parts. An error is an ending like others, sealed and signed; only when the
 * asker is gone there is no end. A reader who gets parts without a final frame has a cut answer.
 * @param signal stops the model.
 * @throws {RunStopped} when the asker is gone
 */
export async function* answer(plan: AnswerPlan, end: AnswerEnd, signal: AbortSignal): AsyncGenerator<ReplyPart> {
  const { opt } = plan.question.claims;
  const sealer = await startSealer(plan);
  yield { kind: 'head', bytes: sealer.head };
  try {
    if ('refused' in plan.call) throw plan.call.refused;
    const { parameters } = plan.call.request;
    const choices = parameters?.n ?? 1;
    const lines = linesOf(plan.call.stream(signal), { end, meter: plan.meter, choices, isWhole: !opt.stream });
    for await (const delta of pacedDeltas(lines, paceOf(opt))) {
      yield { kind: 'frame', bytes: await sealer.sealDelta(delta) };
    }
  } catch (error) {
    if (error instanceof RunStopped && error.why === 'asker-gone') throw error;
    end.fail(error);
  }
  if (!(await plan.isHeld())) end.fail(plan.lost());
  const checkpoint = await plan.checkpoint();
  const { final, fin } = await sealer.finish(finOf(plan, end, checkpoint), plan.signer);
  end.signedAs(await digestB64u(utf8(fin)));
  yield { kind: 'final', bytes: final };
}

async function startSealer({ question, responder }: AnswerPlan): Promise<ReplySealer> {
  const { claims, rh } = question;
  const rsp = new Secret(decodeBase64url(claims.rsp));
  try {
    const block = claims.opt.privacy === 'strict' ? 256 : 64;
    return await ReplySealer.start({ rsp, iss: responder, irt: { jti: claims.jti, rh }, block });
  } finally {
    rsp.wipe();
  }
}

function finOf(
  { envelope, question, trust, now }: AnswerPlan,
  end: AnswerEnd,
  checkpoint: string | undefined,
): FinRest {
  const { act } = question.claims;
  const { claims } = envelope;
  return {
    ...(claims.purpose === 'chat.invoke'
      ? { purpose: 'chat.reply' as const }
      : { purpose: 'prompt.reply' as const, prm: claims.prm }),
    aud: claims.sub,
    iat: now(),
    ih: question.ih,
    env: envelope.hash,
    dir: trust.directoryRef,
    ...(act === undefined ? {} : { act }),
    ...end.summary(),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}
