import type { NewChatEnvelope } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { ChatEnvelopeClaims, Signer, TrustDocuments } from '@bulla/crypto';
import { mintId, parseDirectory, signChatEnvelope } from '@bulla/crypto';

/** What a vault needs of itself to issue one. */
interface Issuer {
  readonly urn: () => string;
  readonly now: () => number;
  readonly documents: () => TrustDocuments;
  readonly signer: () => Signer;
}

/** Envelopes of chats, as a vault issues them: alone, and as many for several questions as a device may have. */
export class HeldChats {
  /** What was asked for, in its order. */
  readonly asked: Pick<NewChatEnvelope, 'models' | 'uses' | 'replaces'>[] = [];
  /** Those for several questions that are out, and how many there may be. */
  shared: ChatEnvelopeClaims[] = [];
  sharedMax = 2;
  /** Changes envelopes before they are signed. */
  forge: (claims: ChatEnvelopeClaims) => Partial<ChatEnvelopeClaims> = () => ({});
  readonly #issuer: Issuer;

  constructor(issuer: Issuer) {
    this.#issuer = issuer;
  }

  async issue(
    { models, uses, aud, replaces }: NewChatEnvelope,
    { req, urn, kid }: { readonly req: string; readonly urn: string; readonly kid: string },
  ): Promise<Record<string, unknown>> {
    const iat = this.#issuer.now();
    const { payload: directory, hash } = await parseDirectory(this.#issuer.documents().directory);
    const claims: ChatEnvelopeClaims = {
      iss: this.#issuer.urn(),
      aud,
      sub: urn,
      iat,
      nbf: iat,
      exp: iat + (uses > 1 ? 300 : 120),
      jti: mintId('env'),
      purpose: 'chat.invoke',
      req,
      cnf: { jkt: kid },
      dir: { ver: directory.version, hash },
      pol: { uses, stream: true, models },
    };
    this.asked.push({ models, uses, replaces });
    if (uses > 1) {
      this.shared = this.shared.filter((one) => one.jti !== replaces && one.exp > iat);
      if (this.shared.length >= this.sharedMax) throw new Problem('rate_limited', { retryAfterSeconds: 60 });
      this.shared.push(claims);
    }
    return { v: 1, env: await signChatEnvelope({ ...claims, ...this.forge(claims) }, this.#issuer.signer()), tags: [] };
  }
}
