import type { Bytes, InvocationClaims, SealedInvocation } from '@bulla/crypto';
import {
  concatBytes,
  decodeBase64url,
  DELTA_MAX_BYTES,
  ReplySealer,
  sealInvocation,
  Secret,
  tokenHash,
  utf8,
  verifyFin,
  verifyInnerSignatureAndBinding,
  parseInvocation,
} from '@bulla/crypto';
import { openInvocation, ReplyOpener } from '@bulla/crypto/open';
import { makeOrganisation } from '@bulla/crypto/testing';
import { ask, recordOf, storePrompt } from '../../services/responder/test/asking.js';
import { spoilBytes, spoilToken, type Variant } from './variant.js';

/** A question, or the answer to one. */
type Sealed = SealedInvocation | Reply;
interface Reply {
  readonly question: SealedInvocation;
  readonly head: Bytes;
  readonly frames: readonly Bytes[];
  readonly final: Bytes;
}

/**
 * The product's own: a device asks a responder, whose answer is sealed under a secret of the question and ends with a
 * signature over all of it. Signatures are checked against a directory, as in the responder.
 */
export async function questionVariant(): Promise<Variant<Sealed>> {
  const organisation = await makeOrganisation();
  const { trust, now, invoker, auditor, responders } = organisation;
  const [responder] = responders;
  const { envelope, question, body } = await ask(organisation, await storePrompt(organisation));
  const envelopeHash = await tokenHash(body.bundle.env);
  const context = { trust, now, envelope, envelopeHash, audience: responder.urn };
  const recipient = { urn: responder.urn, record: recordOf(responder, 'enc') };
  const unwrapper = await responder.unwrapper();
  const claimsOf = (payload: Bytes) => ({ ...question, vars: { text: Buffer.from(payload).toString('latin1') } });

  async function open(sealed: Sealed): Promise<{ claims: InvocationClaims; payload: Bytes }> {
    const { inner } = await openInvocation(parseInvocation(questionOf(sealed).token), unwrapper);
    await verifyInnerSignatureAndBinding(inner, context);
    return { claims: inner.claims, payload: utf8(inner.claims.vars?.['text'] ?? '') };
  }
  async function answer(sealed: Sealed): Promise<Reply> {
    const asked = questionOf(sealed);
    const { claims, payload } = await open(asked);
    const rsp = new Secret(decodeBase64url(claims.rsp));
    const sealer = await ReplySealer.start({ rsp, iss: claims.aud, irt: { jti: claims.jti, rh: asked.rh } });
    rsp.wipe();
    const frames: Bytes[] = [];
    for (let at = 0; at < payload.length; at += DELTA_MAX_BYTES) {
      frames.push(await sealer.sealDelta(payload.subarray(at, at + DELTA_MAX_BYTES)));
    }
    const rest = {
      ih: asked.ih,
      aud: envelope.sub,
      iat: now,
      env: envelopeHash,
      dir: { ...trust.directoryRef },
      finish: 'stop',
      model: 'echo',
      usage: {},
      purpose: 'prompt.reply',
      prm: { ...envelope.prm },
    } as const;
    const { final } = await sealer.finish(rest, responder.signer);
    return { question: asked, head: sealer.head, frames, final };
  }
  async function read(reply: Sealed): Promise<Bytes> {
    if (!('final' in reply)) throw new Error('not a reply');
    const { rh, ih } = reply.question;
    const irt = { jti: question.jti, rh };
    const rsp = new Secret(decodeBase64url(question.rsp));
    const opener = await ReplyOpener.start({ rsp, head: reply.head, expect: { iss: responder.urn, irt } });
    const deltas: Bytes[] = [];
    for (const frame of reply.frames) deltas.push(await opener.openFrame(frame));
    const fin = await opener.openFinal(reply.final);
    const { head } = reply;
    const answered = { head, transcript: opener.transcript, irt: { ...irt, ih } };
    await verifyFin(fin, { trust, now, envelope, envelopeToken: body.bundle.env, ...answered });
    return concatBytes(...deltas);
  }

  return {
    seal: (payload) => sealInvocation(claimsOf(payload), invoker.signer, recipient),
    open: async (sealed) => (await open(sealed)).payload,
    spoil: (sealed) =>
      'final' in sealed
        ? { ...sealed, frames: sealed.frames.map(spoilBytes) }
        : { ...sealed, token: spoilToken(sealed.token) },
    // Somebody of the same organisation, listed in the same directory, in the name of the asker.
    forge: (payload) => sealInvocation(claimsOf(payload), { ...auditor.signer, kid: invoker.signer.kid }, recipient),
    answer: { make: answer, read },
  };
}

function questionOf(sealed: Sealed): SealedInvocation {
  return 'final' in sealed ? sealed.question : sealed;
}
