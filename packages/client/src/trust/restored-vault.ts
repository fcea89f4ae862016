import type { HandedBack, KeptBeyond } from './handing-back.js';
import { handBack, keyOf, readKept, restoredAt } from './handing-back.js';
import type { Prompts } from '../prompts/prompts.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A vault that was restored from a backup: what it has lost, and that it goes on (docs/decisions/2026-11-28-handing-back.md). */
export class RestoredVault {
  readonly #session: Session;
  readonly #prompts: Prompts;

  constructor(session: Session, prompts: Prompts) {
    this.#session = session;
    this.#prompts = prompts;
  }

  /** When the vault noticed that it was restored, as long as it waits for an admin; undefined where it does not. */
  since(): Promise<string | undefined> {
    return restoredAt(this.#session.keeper.place);
  }

  /** What this client remembers beyond what the vault has; undefined where it was not restored, or nothing is remembered. */
  kept(): Promise<KeptBeyond | undefined> {
    return readKept(this.#session, () => this.#standing());
  }

  /**
   * Hands that back: documents first, then labels.
   * @throws {BullaError} what the vault said to the documents
   */
  handBack(): Promise<HandedBack | undefined> {
    return handBack(this.#session, () => this.#standing());
  }

  /**
   * Says that the vault goes on from what it has now.
   * @param directory version that it was seen to have.
   * @throws {BullaError} forbidden; version_conflict if it has another by now
   */
  async resume(directory: number): Promise<void> {
    const { keeper, transport } = this.#session;
    const trust = await keeper.catchUp();
    const call = { params: { org: trust.org }, body: { directory } };
    await transport.call('organisation.resume', vaultOf(this.#session, trust), trust, call);
  }

  async #standing(): Promise<ReadonlyMap<string, number>> {
    const standing = new Map<string, number>();
    for await (const { name, labels } of this.#prompts.list())
      for (const { label, seq } of labels) standing.set(keyOf({ name, label }), seq);
    return standing;
  }
}
