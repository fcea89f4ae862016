import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Asker, HttpAnswer, MessageOptions } from './signed-requests.js';
import { call } from './signed-requests.js';

/** A decision that a vault has told a client: the log has it once. */
export interface Decision {
  /** What the request that was answered calls itself. */
  readonly rid: string;
  readonly act: 'prompt.create' | 'envelope.issue';
  readonly res: 'ok' | 'denied';
}

interface Wanted extends Omit<Decision, 'rid'> {
  readonly asker: Asker;
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
}

const BREAK_MS = 20;
const LATEST_MS = 60_000;

/** Has vaults on one database decide one thing after another, each asked in its turn, and gives none up. */
export class Decider {
  readonly #urls: readonly string[];
  readonly #organisation: TestOrganisation;
  /** A version that is there already: envelopes are issued for it. */
  readonly #prompt: string;
  readonly #name = mintId('prm').slice(4);
  #stopped = false;
  #tries = 0;
  /** What was told, in that order. */
  readonly told: Decision[] = [];
  /** Every request that was sent, answered or not. */
  readonly tried = new Set<string>();

  constructor(urls: readonly string[], organisation: TestOrganisation, prompt: string) {
    this.#urls = urls;
    this.#organisation = organisation;
    this.#prompt = prompt;
  }

  /** Decides until told to stop. @throws {Error} when it is told what no kill explains */
  async decideOn(): Promise<void> {
    const { author, invoker, responders } = this.#organisation;
    const create = { act: 'prompt.create', path: '/api/v1/prompts' } as const;
    const envelope = { prompt: this.#prompt, version: 1, aud: responders[0].urn };
    for (let n = 1; !this.#stopped; n++) {
      const body = { id: mintId('prm'), name: `log/${this.#name}-${n}`, type: 'text' };
      await this.#insist({ ...create, asker: author, body, status: 201, res: 'ok' });
      await this.#insist({
        act: 'envelope.issue',
        path: '/api/v1/envelopes',
        asker: invoker,
        body: envelope,
        status: 201,
        res: 'ok',
      });
      await this.#insist({ ...create, asker: invoker, body, status: 403, res: 'denied' });
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Tries until it is told what it wants to hear, with one Idempotency-Key. @throws {Error} where that is not to be */
  async #insist({ asker, path, body, status: wanted, act, res }: Wanted): Promise<void> {
    const idempotencyKey = randomUUID();
    for (const last = performance.now() + LATEST_MS; performance.now() < last; await pause(BREAK_MS)) {
      const rid = randomUUID();
      this.tried.add(rid);
      const answer = await this.#try(asker, path, { body, idempotencyKey, headers: { 'x-request-id': rid } });
      if (answer?.status === wanted) {
        this.told.push({ rid, act, res });
        return;
      }
      if (answer !== undefined && !isPassing(answer)) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    }
    throw new Error(`${path} was not answered in a minute`);
  }

  /** Asks the vault whose turn it is; without an answer it is tried again: what matters is what is told at last. */
  #try(asker: Asker, path: string, options: MessageOptions): Promise<HttpAnswer | undefined> {
    const url = this.#urls[++this.#tries % this.#urls.length] ?? '';
    return call(url, asker, 'POST', path, options).catch(() => undefined);
  }
}

/** What a vault that is killed and comes back may say; everything else is a fault of ours. */
function isPassing({ status, body }: HttpAnswer): boolean {
  return status === 429 || status === 503 || (body as { code?: string }).code === 'indeterminate';
}
