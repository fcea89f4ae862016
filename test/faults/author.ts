import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { sealVersion } from '../../services/vault/test/authoring.js';
import { call, type HttpAnswer, type MessageOptions } from './signed-requests.js';

/** A prompt with one version that the vault has said it has. */
export interface Written {
  readonly id: string;
  readonly name: string;
  readonly content: string;
}

const READ_TRIES = 10;
let names = 0;

/**
 * Writes prompts one after the other and gives none of them up: whatever a try ends with, the next has its
 * Idempotency-Key. It remembers what was acknowledged, and every answer that came.
 */
export class Author {
  readonly #url: string;
  readonly #organisation: TestOrganisation;
  readonly acknowledged: Written[] = [];
  /** Every answer that was not the one hoped for. */
  readonly refusals: HttpAnswer[] = [];
  /** Tries that ended without an answer. */
  readonly lost: string[] = [];
  #stopped = false;

  constructor(url: string, organisation: TestOrganisation) {
    this.#url = url;
    this.#organisation = organisation;
  }

  /** Writes until told to stop. @param restMs between two prompts. */
  async writeOn(restMs = 0): Promise<void> {
    while (!this.#stopped) {
      await this.write();
      if (restMs > 0) await pause(restMs);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** One prompt with one version. */
  async write(): Promise<void> {
    names += 1;
    const prompt = { id: mintId('prm'), name: `faults/prompt-${names}` };
    const { content, grants } = await sealVersion(this.#organisation, this.#organisation.author, prompt, 1);
    const version = { body: { content, grants }, headers: { 'if-match': '"0"' } };
    const done =
      (await this.#insist('/api/v1/prompts', { body: { ...prompt, type: 'text' } })) &&
      (await this.#insist(`/api/v1/prompts/${prompt.id}/versions`, version));
    if (done) this.acknowledged.push({ ...prompt, content });
  }

  /** Reads the version of a prompt as its author does. */
  read({ id }: Pick<Written, 'id'>): Promise<HttpAnswer> {
    return call(this.#url, this.#organisation.author, 'GET', `/api/v1/prompts/${id}/versions/1`);
  }

  /** What was acknowledged and is not there, or not byte by byte. */
  async missing(): Promise<Written[]> {
    const gone: Written[] = [];
    for (const written of this.acknowledged) {
      const { status, body } = await this.#readInTime(written);
      if (status !== 200 || (body as { content?: string }).content !== written.content) gone.push(written);
    }
    return gone;
  }

  /** Reads it; told to come later (429 or 503 with Retry-After), it comes later. Many prompts are read at once. */
  async #readInTime(written: Written): Promise<HttpAnswer> {
    for (let left = READ_TRIES; ; left--) {
      const answer = await this.read(written);
      if (left === 0 || answer.headers['retry-after'] === undefined) return answer;
      await pause(Number(answer.headers['retry-after']) * 1_000);
    }
  }

  /** Tries until it is acknowledged; false if it was told to stop before. */
  async #insist(path: string, options: MessageOptions): Promise<boolean> {
    const idempotencyKey = randomUUID();
    while (!this.#stopped) {
      const answer = await this.try(path, { ...options, idempotencyKey });
      if (answer?.status === 201) return true;
      await pause(50);
    }
    return false;
  }

  /** One try; its answer is remembered if it is a refusal. */
  async try(path: string, options: MessageOptions): Promise<HttpAnswer | undefined> {
    try {
      const answer = await call(this.#url, this.#organisation.author, 'POST', path, options);
      if (answer.status !== 201) this.refusals.push(answer);
      return answer;
    } catch (error) {
      this.lost.push((error as NodeJS.ErrnoException).code ?? String(error));
      return undefined;
    }
  }
}
