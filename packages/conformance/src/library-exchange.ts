import type { InReplyTo, InvocationClaims, PrivateJwk, PublicJwk } from '@bulla/crypto';
import {
  checkAsker,
  decodeBase64url,
  encodeBase64url,
  loadSigner,
  parseEnvelope,
  sealInvocation,
  Secret,
  tokenHash,
  verifyFin,
  verifyInnerSignatureAndBinding,
  parseInvocation,
  verifyingKeyOf,
} from '@bulla/crypto';
import { keyMaterialOf } from '@bulla/crypto/key-files';
import { openInvocation, ReplyOpener } from '@bulla/crypto/open';
import type { Format } from './format.js';
import type { Fields } from './protocol.js';
import type { Signed } from './library-signed.js';
import { trustOf } from './library-signed.js';
import { recordOf, unwrapperOf } from './library-keys.js';

/** docs/spec/invocation.md, as the responder opens it: steps 6 to 8 of protocol.md §2.4. */
export const invocations = {
  async seal({ claims, asker, recipient }: { claims: InvocationClaims; asker: PrivateJwk; recipient: PublicJwk }) {
    const { alg } = verifyingKeyOf([await keyMaterialOf(asker, 'sig')]);
    const record = await recordOf(recipient, 'unwrap');
    const { token } = await sealInvocation(claims, await loadSigner(asker, alg), { urn: claims.aud, record });
    return { token };
  },
  async open(input: Signed & { token: string; envelope: string; recipient: PrivateJwk; audience: string }) {
    const { token, envelope, recipient, audience, now } = input;
    const { claims, kind } = parseEnvelope(envelope);
    const { inner } = await openInvocation(parseInvocation(token, kind), await unwrapperOf(recipient), kind);
    const trust = await trustOf(input);
    const context = { trust, now, envelope: claims, envelopeHash: await tokenHash(envelope), audience };
    await verifyInnerSignatureAndBinding(inner, context);
    checkAsker(inner, context);
    return { claims: inner.claims as unknown as Fields };
  },
} satisfies Format;

interface ReplyInput {
  /** The secret of the question. */
  readonly secret: string;
  readonly envelope: string;
  /** The question that was asked, and of whom. */
  readonly irt: InReplyTo & { readonly ih: string };
  readonly responder: string;
  readonly head: string;
  readonly frames: readonly (readonly ['delta' | 'final', string])[];
}

/** docs/spec/frames.md, as the asker opens it. */
export const replies = {
  async open({ secret, envelope, irt, responder, frames, ...input }: Signed & ReplyInput) {
    const head = decodeBase64url(input.head);
    const rsp = new Secret(decodeBase64url(secret));
    const opener = await ReplyOpener.start({ rsp, head, expect: { iss: responder, irt } });
    const deltas: string[] = [];
    let fin = '';
    for (const [kind, frame] of frames) {
      if (kind === 'final') fin = await opener.openFinal(decodeBase64url(frame));
      else deltas.push(encodeBase64url(await opener.openFrame(decodeBase64url(frame))));
    }
    const { claims } = parseEnvelope(envelope);
    const { transcript } = opener;
    const trust = await trustOf(input);
    await verifyFin(fin, { trust, now: input.now, envelope: claims, envelopeToken: envelope, irt, head, transcript });
    return { deltas, fin };
  },
} satisfies Format;
