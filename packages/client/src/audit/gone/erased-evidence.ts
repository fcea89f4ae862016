import type { LogName } from '@bulla/crypto/log';
import { originOf } from '@bulla/crypto/log';
import type { AuditLeaf } from '@bulla/contract';
import { grouped } from '../counted-entries.js';
import type { SaidErase } from '../log-origin.js';

/** Entries whose evidence is not there, and what the logs of the service say of that. */
export class ErasedEvidence {
  readonly #name: LogName;
  readonly #said: readonly SaidErase[];
  readonly #own: SaidErase[] = [];
  /** By key: entries that nothing explains yet, in their order. */
  readonly #unexplained = new Map<string, number[]>();
  readonly #places = new Set<string>();
  #count = 0;

  /** @param said by newer logs, which are verified. */
  constructor(name: LogName, said: readonly SaidErase[]) {
    this.#name = name;
    this.#said = said.filter(({ log }) => log === name.number);
  }

  /** Of how many entries a log says that it was erased. */
  get count(): number {
    return this.#count;
  }

  /** Where that is said. */
  get places(): readonly string[] {
    return [...this.#places];
  }

  /** What this log says, of itself and of those before it. */
  get own(): readonly SaidErase[] {
    return this.#own;
  }

  /** Entries of which nothing says that their evidence was erased, in their order. */
  get unexplained(): readonly number[] {
    return [...this.#unexplained.values()].flat().toSorted((left, right) => left - right);
  }

  /** An entry that names evidence which is not there. That of an erasure is never erased, so nothing explains it. */
  miss(index: number, actor: string, act: string): void {
    // guard: audit-erasure-stays without: const isErasure: boolean = act === '';
    const isErasure: boolean = act === 'audit.erase';
    const by = isErasure ? undefined : this.#said.find((one) => one.actor === actor && index < one.below);
    if (by !== undefined) return this.#explain(1, by);
    // What explains those of the actor says nothing of this one.
    const key = isErasure ? '' : actor;
    const unexplained = this.#unexplained.get(key);
    if (unexplained === undefined) this.#unexplained.set(key, [index]);
    else unexplained.push(index);
  }

  /** Every entry, in order. @param isOwners whether an owner signed for it, as is shown */
  see(index: number, leaf: AuditLeaf, isOwners: boolean): void {
    if (leaf.act !== 'audit.erase' || leaf.res !== 'ok') return;
    // guard: audit-erased-by-owner
    if (!isOwners) return;
    const { log, actor, below } = leaf.obj;
    const said = { log, actor, below, place: `entry ${grouped(index)} of ${originOf(this.#name)}` };
    this.#own.push(said);
    if (log !== this.#name.number) return;
    // What comes later was not there to be erased.
    const missing = this.#unexplained.get(actor) ?? [];
    // guard: audit-erased-said without: const rest: number[] = [];
    const rest = missing.filter((one) => one >= below);
    this.#unexplained.set(actor, rest);
    if (rest.length < missing.length) this.#explain(missing.length - rest.length, said);
  }

  #explain(count: number, { place }: SaidErase): void {
    this.#count += count;
    this.#places.add(place);
  }
}
