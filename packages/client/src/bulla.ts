import type { AppSurfaceOptions } from './apps/app-call.js';
import type { OpenaiSdk } from './apps/openai-sdk.js';
import { openaiOptions } from './apps/openai-sdk.js';
import { Audit } from './audit/audit.js';
import { holdTold } from './audit/told/told-answer.js';
import { ToldKeeper } from './audit/told/told-keeper.js';
import { ChatCompletions } from './chats/chats.js';
import { ChatPermits } from './chats/chat-permits.js';
import { Embeddings } from './chats/embeddings.js';
import { clockOf } from './connection/clock.js';
import type { Trust, Verdict } from '@bulla/crypto';
import { requireSeconds, verifyAnswer } from '@bulla/crypto';
import { answerOf, eventsOf } from './runs/answer-events.js';
import type { ApiAnswer, ApiCall } from './connection/api-call.js';
import { callApi } from './connection/api-call.js';
import { Approvals } from './labels/approvals.js';
import { bullaError } from './connection/errors.js';
import { Grants } from './prompts/grants.js';
import type { Identity } from './connection/identity.js';
import { requireOwnKey } from './people/own-key.js';
import { People } from './people/people.js';
import { LabelKeeper } from './labels/label-keeper.js';
import { HeldLabels } from './labels/held-labels.js';
import { Prompts } from './prompts/prompts.js';
import { PiiGate } from './pii/pii-gate.js';
import type { PiiSettings } from './pii/pii-settings.js';
import { PublicReader } from './connection/public-reader.js';
import type { OfferedModels } from './runs/offered-models.js';
import { offeredModels } from './runs/offered-models.js';
import { rememberedTrust } from './trust/remembered-trust.js';
import { RestoredVault } from './trust/restored-vault.js';
import { OrganisationKeys } from './keys/organisation-keys.js';
import type { RunnablePrompt } from './runs/runnable-prompt.js';
import type { RunOptions } from './runs/runs.js';
import { runPrompt } from './runs/runs.js';
import type { Session } from './connection/session.js';
import { chosenResponder } from './connection/session.js';
import { Transport } from './connection/transport.js';
import { TrustKeeper } from './trust/trust-keeper.js';
import type { TrustStore } from './trust/trust-store.js';
import { MemoryTrustStore } from './trust/trust-store.js';
import { Usage } from './usage/usage.js';
import { VaultUnsealing } from './unsealing/vault-unsealing.js';

export interface ConnectOptions {
  /** Address of the vault. */
  readonly url: string | URL;
  readonly identity: Identity;
  /** `sha256:…` of the organisation's first root, given out of band. */
  readonly pin: string;
  /** Where trust is remembered; this process only unless given. */
  readonly store?: TrustStore;
  readonly fetch?: typeof fetch;
  /** How often a request that may still succeed is sent again; 2 unless given. */
  readonly retries?: number;
  /** Seconds; the platform's clock unless given. */
  readonly now?: () => number;
  /** Told what a person should know and nothing failed for; nobody unless given. */
  readonly notice?: (message: string) => void;
  /** What becomes of personal data in questions before they are sealed; nothing unless given. */
  readonly pii?: PiiSettings;
  /**
   * How long what answers tell of the log of their responder may wait for the store, in milliseconds; 1,000 unless given.
   * With 0 it is stored before each answer is told. Contradictions are found at once in any case.
   */
  readonly toldWithinMs?: number;
}

const TOLD_WITHIN_MS = 1_000;

/** The SDK: seals, runs and verifies on this machine, for one identity of one organisation. */
export class Bulla {
  readonly prompts: Prompts;
  /** Moves of labels that several people must sign. */
  readonly approvals: Approvals;
  /** Where labels stand as this client remembers it. */
  readonly labels: HeldLabels;
  /** Who can open versions that were pushed before. */
  readonly grants: Grants;
  /** What a vault lost that was restored from a backup. */
  readonly restored: RestoredVault;
  /** Chats without a stored prompt, in the shape of OpenAI's SDK. */
  readonly chat: { readonly completions: ChatCompletions };
  /** Embeddings of texts. */
  readonly embeddings: Embeddings;
  /** Devices: inviting, letting in, revoking. */
  readonly people: People;
  /** The audit logs of the services. */
  readonly audit: Audit;
  /** The keys that the organisation relies on, and their replacement. */
  readonly keys: OrganisationKeys;
  /** The root key of the vault, where people keep it in shares. */
  readonly unsealing: VaultUnsealing;
  /** What runs took: tokens and cost. */
  readonly usage: Usage;
  readonly #session: Session;
  readonly #pin: string;
  readonly #closing: AbortController;

  private constructor(session: Session, pin: string, closing: AbortController) {
    this.#session = session;
    this.#pin = pin;
    this.#closing = closing;
    this.prompts = new Prompts(session);
    const permits = new ChatPermits(session);
    this.chat = { completions: new ChatCompletions(session, permits) };
    this.embeddings = new Embeddings(session, permits);
    this.people = new People(session, this.prompts);
    this.approvals = new Approvals(session);
    this.labels = new HeldLabels(session, this.prompts);
    this.grants = new Grants(session, this.prompts);
    this.restored = new RestoredVault(session, this.prompts);
    this.audit = new Audit(session);
    this.keys = new OrganisationKeys(session);
    this.unsealing = new VaultUnsealing(session);
    this.usage = new Usage(session);
  }

  /**
   * Verifies the organisation's documents against the pin before anything else is sent.
   * @throws {TrustError} pin_mismatch, trust_rollback, trust_expired; {BullaError} transport_failed
   */
  static async connect(options: ConnectOptions): Promise<Bulla> {
    const bulla = Bulla.offline(options);
    await bulla.#session.keeper.current();
    return bulla;
  }

  /** As connect, but asks the vault only when something needs it. */
  static offline({
    identity,
    pin,
    fetch: given = fetch,
    store = new MemoryTrustStore(),
    ...options
  }: ConnectOptions): Bulla {
    const now = clockOf(options.now);
    const vaultUrl = new URL(options.url);
    const closing = new AbortController();
    const fetcher = until(closing.signal, given);
    const notice = options.notice ?? (() => undefined);
    const reader = new PublicReader(fetcher);
    const pii = new PiiGate(options.pii ?? { mode: 'off' }, fetcher);
    const keeper = new TrustKeeper({ org: identity.org, pin, vaultUrl, reader, store, now, notice });
    const told = new ToldKeeper(keeper, options.toldWithinMs ?? TOLD_WITHIN_MS);
    const transport = new Transport({
      identity,
      fetch: fetcher,
      now,
      retries: options.retries,
      withKnownKeys: (trust, work) => keeper.withKnownKeys(trust, work),
    });
    return new Bulla(
      { identity, vaultUrl, keeper, labels: new LabelKeeper(keeper, now), told, transport, pii, now, notice },
      pin,
      closing,
    );
  }

  /** A prompt by name, at a label (`production` unless given) or version. */
  prompt(name: string, choice: Pick<RunOptions, 'label' | 'version'> = {}): RunnablePrompt {
    return {
      run: (vars = {}, options = {}) =>
        answerOf(runPrompt(this.#session, { ...options, ...choice, name, vars, stream: false }, options)),
      stream: (vars = {}, options = {}) =>
        eventsOf(runPrompt(this.#session, { ...options, ...choice, name, vars, stream: true }, options)),
    };
  }

  /**
   * The official SDK of OpenAI, its requests answered by this connection instead of a server: sealed and verified.
   * @param Sdk its class: `import OpenAI from 'openai'`; a client of it takes `withOptions` as any does.
   */
  openai<Client>(Sdk: OpenaiSdk<Client>, options: AppSurfaceOptions = {}): Client {
    const surface = async () => new (await import('./apps/app-surface.js')).AppSurface(this, options);
    return new Sdk(openaiOptions(surface));
  }

  /**
   * The names of models that prompts may say at a responder, the first of the directory unless given.
   * @throws {BullaError} validation_failed if the directory lists no such responder; what the responder refused
   */
  models(responder?: string): Promise<OfferedModels> {
    return offeredModels(this.#session, responder);
  }

  /**
   * URN of the responder that is asked unless another is named, or of the one that is named, once it is found to be good.
   * @throws {BullaError} validation_failed if the directory lists no such responder
   */
  async responder(wanted?: string): Promise<string> {
    return chosenResponder(this.#session, await this.#session.keeper.current(), wanted).urn;
  }

  /** Whether the policy lets this device chat without a stored prompt. */
  async mayChat(): Promise<boolean> {
    return (await this.#session.keeper.current()).mayChat(this.#session.identity.urn);
  }

  /** The organisation's verified documents, not older than 15 minutes. */
  trust(): Promise<Trust> {
    return this.#session.keeper.current();
  }

  /** What was trusted last, whatever its age; undefined before the first contact. Nothing is asked. */
  knownTrust(): Promise<Trust | undefined> {
    return this.#session.keeper.remembered();
  }

  /**
   * Checks that the newest directory still lets this device in; a service would not even sign what it says to others.
   * @throws {AuthError} unauthenticated
   */
  async requireOwnKey(): Promise<void> {
    const { identity, keeper, now } = this.#session;
    requireOwnKey(identity, await keeper.current(), now());
  }

  /** Fetches the newest documents now. */
  refreshTrust(): Promise<Trust> {
    return this.#session.keeper.refresh();
  }

  /** Fetches the newest documents now, expired or not: for a person who signs the next ones. */
  catchUpTrust(): Promise<Trust> {
    return this.#session.keeper.catchUp();
  }

  /** The hashes of all directories as the vault keeps them; what they are worth, the chain of a directory decides. */
  async directoryHashes(): Promise<readonly string[]> {
    return this.#session.keeper.hashes();
  }

  /**
   * What an answer file proves. Works without the vault: keys revoked since are looked for in what was trusted last.
   * @returns every check up to the first that failed; what the answer says is in `answer`, unless a check failed
   */
  async verify(file: string | Uint8Array<ArrayBuffer>): Promise<Verdict> {
    const newer = await this.#session.keeper.remembered();
    return verifyAnswer(file, { pin: this.#pin, now: this.#session.now(), newer });
  }

  /**
   * Sends one signed request of the interface that /api/docs shows. The answer is verified as the service's, no token in it.
   * @throws {BullaError} validation_failed for what the interface does not have; what the service refused
   */
  call(call: ApiCall): Promise<ApiAnswer> {
    return callApi(this.#session, call);
  }

  /**
   * Stops everything that is still under way, once what answers told is stored. Nothing can be asked afterwards.
   * @throws {VerifyError} log_inconsistent where the last of it contradicts what is kept
   */
  async close(): Promise<void> {
    try {
      await this.#session.told.flush();
    } finally {
      this.#closing.abort(bullaError('transport_failed', { message: 'this connection was closed', origin: 'client' }));
    }
  }
}

/** `fetch` that stops when the signal aborts, and then throws the signal's reason. */
function until(closing: AbortSignal, fetcher: typeof fetch): typeof fetch {
  return async (input, init) => {
    closing.throwIfAborted();
    const signals = init?.signal ? [closing, init.signal] : [closing];
    return fetcher(input, { ...init, signal: AbortSignal.any(signals) });
  };
}

export interface VerifyAnswerFileOptions {
  /** Seconds; the platform's clock unless given. */
  readonly now?: number;
  /**
   * Where it is remembered what was trusted last: keys revoked since are looked for in it. What the answer tells of its
   * responder's log is held against what was told before, and kept.
   */
  readonly remembered?: { readonly org: string; readonly store: TrustStore };
}

/**
 * What an answer file proves to somebody who has nothing but the organisation's pin: no keys, and no vault.
 * @returns every check up to the first that failed; what the answer says is in `answer`, unless a check failed
 * @throws {TrustError} if what is remembered is damaged
 */
export async function verifyAnswerFile(
  file: string | Uint8Array<ArrayBuffer>,
  pin: string,
  { now = Math.floor(Date.now() / 1000), remembered }: VerifyAnswerFileOptions = {},
): Promise<Verdict> {
  requireSeconds(now);
  const state = await remembered?.store.load(remembered.org, pin);
  const newer = state && (await rememberedTrust(state, { org: remembered?.org ?? '', now }));
  const verdict = await verifyAnswer(file, { pin, now, newer });
  return remembered === undefined || newer === undefined ? verdict : holdTold(verdict, { ...remembered, trust: newer });
}
