import type { EnvelopeId, NewChatEnvelope } from '@bulla/contract';
import { CHAT_MODELS_MAX, CHAT_USES_MAX } from '@bulla/contract';
import type { Trust, VerifiedChatEnvelope } from '@bulla/crypto';
import { checkChatBundleForAsker, parseBundle } from '@bulla/crypto';
import type { Again } from '../connection/backoff.js';
import { retryAFewTimes } from '../connection/backoff.js';
import { BullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { chosenResponder, responderOf, vaultOf } from '../connection/session.js';
import { newIdempotencyKey } from '../connection/transport.js';
import type { Permit } from '../runs/sealed-question.js';

/** Leave for a chat, after every check of it. */
export interface ChatPermit extends Permit {
  readonly envelope: VerifiedChatEnvelope;
}

/** An envelope for several questions, as long as it is good for more of them. */
interface Shared {
  readonly permit: ChatPermit;
  left: number;
}

/** What this device has of one responder. */
interface Held {
  /** When a question was asked last, in seconds. */
  askedAt: number | undefined;
  /** The models that were asked lately. */
  models: ReadonlySet<string>;
  shared: Shared | undefined;
  /** The one that is on its way, for all who wait for it. */
  coming: Promise<Shared | undefined> | undefined;
  /** Until when the vault gives this device no further one, in seconds. */
  noneUntil: number;
}

/** What is not used for so long before its end: the question has to arrive in time. */
const MARGIN_SECONDS = 10;
/** How long none is asked for where the vault does not say. */
const NONE_SECONDS = 60;
/** Who asked within that time is about to ask again. */
const BUSY_SECONDS = 300;

/**
 * Leave to chat. A first question gets an envelope of its own; who goes on asking gets one for many questions, and comes
 * to the vault once for all of them. It is thrown away with its last use, at its end, and with every newer directory.
 */
export class ChatPermits {
  readonly #session: Session;
  readonly #held = new Map<string, Held>();

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Leave for one question.
   * @param wanted URN of the responder; the first of the directory unless given.
   * @param spent an envelope that turned out to be good for no more.
   * @throws {BullaError} what the vault refused: forbidden where the policy lets no group of this device chat;
   *   envelope_tampered, key_unknown, … with the check that failed
   */
  async take(model: string, wanted?: string, spent?: ChatPermit, signal?: AbortSignal): Promise<ChatPermit> {
    const { keeper, now } = this.#session;
    const trust = await keeper.current();
    const { urn } = chosenResponder(this.#session, trust, wanted);
    const held = this.#of(urn);
    if (spent !== undefined && held.shared?.permit.envelope.hash === spent.envelope.hash) held.shared.left = 0;
    const isBusy = held.askedAt !== undefined && now() - held.askedAt < BUSY_SECONDS;
    held.askedAt = now();
    if (!isBusy) held.models = new Set();
    held.models = modelsWith(held.models, model);
    if (!isBusy) return this.#issue(trust, urn, { models: [model], uses: 1 }, { signal });
    return (
      (await this.#useShared(held, trust, urn, model)) ??
      this.#issue(trust, urn, { models: [model], uses: 1 }, { signal })
    );
  }

  #of(responder: string): Held {
    const held = this.#held.get(responder) ?? {
      askedAt: undefined,
      models: new Set<string>(),
      shared: undefined,
      coming: undefined,
      noneUntil: 0,
    };
    this.#held.set(responder, held);
    return held;
  }

  /** One use of an envelope for several questions; undefined where the vault gives this device no further one. */
  async #useShared(held: Held, trust: Trust, urn: string, model: string): Promise<ChatPermit | undefined> {
    for (;;) {
      const { shared } = held;
      if (shared !== undefined && this.#isGood(shared, trust, model)) {
        // At once: others who wait see what is left.
        // guard: chat-permit-uses
        shared.left--;
        return shared.permit;
      }
      if (this.#session.now() < held.noneUntil) return undefined;
      const isOurs = held.coming === undefined;
      // Not with the signal of one question: others wait for it too.
      held.coming ??= this.#share(held, trust, urn).finally(() => (held.coming = undefined));
      held.shared = await held.coming;
      if (held.shared === undefined || (isOurs && !this.#isGood(held.shared, trust, model))) return undefined;
    }
  }

  // guard: chat-permit-good without: #isGood(_shared: Shared, _trust: Trust, _model: string): boolean { return true; }
  #isGood({ permit, left }: Shared, trust: Trust, model: string): boolean {
    const { claims } = permit.envelope;
    return (
      left > 0 &&
      claims.pol.models.includes(model) &&
      this.#session.now() + MARGIN_SECONDS < claims.exp &&
      // One that was checked by an older directory may name a responder or a key that is no more.
      permit.trust.directoryRef.ver >= trust.directoryRef.ver
    );
  }

  async #share(held: Held, trust: Trust, urn: string): Promise<Shared | undefined> {
    const { models, shared } = held;
    const replaces = shared === undefined ? {} : { replaces: shared.permit.envelope.claims.jti as EnvelopeId };
    const uses = CHAT_USES_MAX;
    try {
      const wanted = { models: [...models], uses, ...replaces };
      return { permit: await this.#issue(trust, urn, wanted, { again: unlessLimited }), left: uses };
    } catch (error) {
      // Other programs on this device have as many as it may have, or its points are used up: one by one it goes on.
      if (!isLimited(error)) throw error;
      held.noneUntil = this.#session.now() + (error.retryAfterSeconds ?? NONE_SECONDS);
      return undefined;
    }
  }

  async #issue(
    trust: Trust,
    urn: string,
    wanted: Pick<NewChatEnvelope, 'models' | 'uses' | 'replaces'>,
    how: { readonly signal?: AbortSignal | undefined; readonly again?: Again } = {},
  ): Promise<ChatPermit> {
    const { identity, keeper, transport, now } = this.#session;
    const request = newIdempotencyKey();
    const body = { purpose: 'chat.invoke' as const, ...wanted, aud: urn };
    const call = { body, idempotencyKey: request, ...how };
    const answer = await transport.call('envelope.issue', vaultOf(this.#session, trust), trust, call);
    const bundle = await checked(() => parseBundle(answer));
    const asker = { urn: identity.urn, kid: identity.signer.kid };
    return keeper.withKnownKeys(trust, (under) =>
      checked(async () => {
        const context = { trust: under, now: now(), asker, audience: urn, request, wanted };
        const envelope = await checkChatBundleForAsker(bundle, context);
        return { bundle: bundle.sent, envelope, responder: responderOf(this.#session, under, urn), trust: under };
      }),
    );
  }
}

function isLimited(error: unknown): error is BullaError {
  return error instanceof BullaError && error.code === 'rate_limited';
}

/** Nobody waits for an envelope that they can do without. */
const unlessLimited: Again = (error, ...tried) => (isLimited(error) ? undefined : retryAFewTimes(error, ...tried));

/** The models asked lately, the newest of them where there are more than an envelope may name. */
function modelsWith(models: ReadonlySet<string>, model: string): ReadonlySet<string> {
  return new Set(
    [...models]
      .filter((one) => one !== model)
      .concat(model)
      .slice(-CHAT_MODELS_MAX),
  );
}
