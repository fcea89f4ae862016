import type {
  ContentHeader,
  GrantHeader,
  InvocationHeader,
  InvocationKind,
  ParsedJwe,
  Secret,
  Statement,
  Trust,
} from '@bulla/crypto';
import { Problem } from '@bulla/contract';
import { CryptoError, MetStatements, requireCommitment, verifyStatement } from '@bulla/crypto';
import type { OpenedInvocation } from '@bulla/crypto/open';
import { openContent, openGrant, openInvocation, UnfitGrant } from '@bulla/crypto/open';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { DataKeyCache } from './data-key-cache.js';
import { Unwrappers } from './unwrappers.js';

/** A sealed prompt, and all that a verified envelope says it must be. */
export interface SealedPrompt {
  readonly grant: ParsedJwe<GrantHeader>;
  readonly content: ParsedJwe<ContentHeader>;
  /** `H(W)` and `H(C)`, which the bundle was checked against. */
  readonly whash: string;
  readonly chash: string;
  /** URN of the prompt. */
  readonly sub: string;
  readonly name: string;
  readonly ver: number;
  /** URN of this responder. */
  readonly urn: string;
}

/**
 * The only room with private keys. Whatever goes wrong after one was used is `open_failed`; of a grant, which this responder
 * itself can have mended, it is `grant_unfit` inside the sealed reply.
 */
@Injectable()
export class OpenerService implements OnApplicationShutdown {
  readonly #dataKeys: DataKeyCache;
  readonly #met: MetStatements;

  constructor(
    private readonly unwrappers: Unwrappers,
    clock: Clock,
  ) {
    this.#dataKeys = new DataKeyCache(clock);
    this.#met = new MetStatements(() => clock.monotonicMs());
  }

  /**
   * Step 6 of protocol.md §2.4: decrypts a question, whose outside must say what its inside says.
   * @param kind what its envelope is for
   * @throws {CryptoError} open_failed
   */
  async openQuestion(outer: ParsedJwe<InvocationHeader>, kind: InvocationKind): Promise<OpenedInvocation> {
    const unwrapper = this.unwrappers.find(outer.header.kid);
    if (unwrapper === undefined) throw openFailed();
    return openInvocation(outer, unwrapper, kind);
  }

  /**
   * Steps 10 to 12: opens grant and content, and checks who wrote what they held.
   * @param now seconds: when the question arrived.
   * @throws {CryptoError} open_failed
   * @throws {Problem} grant_unfit, for the sealed reply and the log alone: this responder's grant does not give the key to
   *   which the content commits, whatever is wrong with it (protocol.md A16)
   */
  async openPrompt(sealed: SealedPrompt, trust: Trust, now: number): Promise<Statement> {
    try {
      // guard: cache-places
      checkPlaces(sealed, trust);
      const statement = await this.#openStatement(sealed, trust);
      const { chash, sub, name, ver } = sealed;
      const met = this.#met;
      const { claims } = await verifyStatement(statement, { trust, now, chash, expect: { sub, name, ver }, met });
      // No question brings the files yet, and a prompt does not run without what belongs to it.
      // guard: responder-attachments
      if (claims.attachments.length > 0) throw openFailed();
      return claims;
    } catch (error) {
      // guard: opener-one-error
      if (error instanceof CryptoError) throw openFailed();
      throw error;
    }
  }

  onApplicationShutdown(): void {
    this.#dataKeys.clear();
  }

  /** Steps 10 and 11. */
  async #openStatement(sealed: SealedPrompt, trust: Trust): Promise<string> {
    const dek = await this.#openDataKey(sealed);
    try {
      return await openContent(sealed.content, dek, { org: trust.org, sub: sealed.sub, ver: sealed.ver });
    } finally {
      dek.wipe();
    }
  }

  /** Step 10. */
  async #openDataKey({ grant, content, whash, urn, sub, ver, chash }: SealedPrompt): Promise<Secret> {
    const known = this.#dataKeys.find(whash);
    if (known !== undefined) return known;
    const unwrapper = this.unwrappers.find(grant.header.kid);
    if (unwrapper === undefined) throw openFailed();
    const { kid: dekId } = content.header;
    const expect = { urn, sub, ver, chash, dekId, dkc: requireCommitment(content.header) };
    const dek = await openGrant(grant, unwrapper, expect).catch(unfitGrant);
    this.#dataKeys.keep(whash, dek);
    return dek;
  }
}

/** What the clear headers of W and C must say, compared on every request, whether they were opened before or not. */
function checkPlaces({ grant, content, urn, sub, ver, chash }: SealedPrompt, trust: Trust): void {
  const w = grant.header;
  const c = content.header;
  const isOurs = w.aud === urn && trust.holder(w.kid)?.urn === urn;
  const isGrantOfIt = w.sub === sub && w.ver === ver && w.chash === chash && w.dek === c.kid && w.dkc === c.dkc;
  const isContentOfIt = c.org === trust.org && c.sub === sub && c.ver === ver;
  if (!isOurs || !isGrantOfIt || !isContentOfIt) throw openFailed();
}

/** One code for all that is found with a grant after its key was used. */
function unfitGrant(error: unknown): never {
  // guard: opener-unfit
  if (error instanceof UnfitGrant) throw new Problem('grant_unfit');
  throw error;
}

function openFailed(): CryptoError {
  return new CryptoError('open_failed', 'could not be opened');
}
