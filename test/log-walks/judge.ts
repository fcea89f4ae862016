import type { LiveVerdict } from '@bulla/client';
import { encodeBase64url, utf8 } from '@bulla/crypto';
import { appendLeaf, EMPTY_FRONTIER, leafHash, parseOrigin, treeHeadOf } from '@bulla/crypto/log';
import type { Row } from './memory-tables.js';
import type { World } from './world.js';

/**
 * What must never be: P1 what was accepted is contradicted, P2 a decision is gone and nobody says so, P3 what nobody decided is
 * accepted, P4 honest people are shut out for good.
 */
export type Property = 'P1' | 'P2' | 'P3' | 'P4';

/** Something happened that should not. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly property: Property;

  constructor(property: Property, message: string) {
    super(`${property}: ${message}`);
    this.property = property;
  }
}

/** A tree that a witness signed, or that an auditor who remembers took for good. */
interface AcceptedTree {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
}

/** Holds what everybody accepts of an organisation against what is true, and against what others accepted. */
export class Judge {
  readonly #world: World;
  readonly #org: string;
  readonly #accepted = new Map<string, AcceptedTree>();

  constructor(world: World, org: string) {
    this.#world = world;
    this.#org = org;
  }

  /** Notes what a witness signed. */
  witnessed(origin: string, head: { readonly size: number; readonly root: Uint8Array<ArrayBuffer> }): void {
    this.#accept({ origin, size: head.size, root: encodeBase64url(head.root) });
  }

  /**
   * Judges what somebody found who reads the logs.
   * @param remembers whether what they take for good binds everybody from now on.
   * @returns whether they took all for good, and nothing of it was said to be gone
   * @throws {Violation}
   */
  async found(verdict: LiveVerdict | undefined, remembers: boolean): Promise<boolean> {
    if (verdict?.valid !== true || this.#isAwaited(verdict)) return false;
    const shown = new Map<string, readonly string[]>();
    for (const { origin, head, counted, losses } of verdict.logs) {
      const leaves = this.#leaves(origin).slice(0, (counted ?? head)?.size ?? 0);
      // Who accepts that an ended log lost its end was told that only its key speaks for the rest.
      if (
        !losses.some(
          ({ kind, message }) => kind === 'lost' && message.endsWith('only the key of this log, which has ended'),
        )
      )
        this.#requireHonest(origin, leaves);
      if (head !== undefined) shown.set(origin, leaves);
    }
    const lost = new Set(verdict.logs.flatMap(({ losses }) => losses.map(({ origin }) => origin)));
    await this.#requireUncontradicted(shown, lost);
    if (remembers && lost.size === 0)
      for (const { origin, head } of verdict.logs) if (head !== undefined) this.witnessed(origin, head);
    return lost.size === 0;
  }

  /**
   * Once all is well again: whatever was decided, and not taken by somebody, is there, or is said to be gone.
   * @throws {Violation}
   */
  requireWhole(verdict: LiveVerdict): void {
    if (verdict.logs.some(({ losses }) => losses.length > 0)) return;
    const there = new Set<string>();
    for (const { origin, head } of verdict.logs)
      for (const leaf of this.#leaves(origin).slice(0, head?.size ?? 0)) there.add(leaf);
    const waits = new Set(this.#world.tables.of('audit_outbox').map(textOf));
    for (const leaf of this.#world.honest.get(this.#org) ?? [])
      if (!there.has(leaf) && !waits.has(leaf) && !this.#world.taken.has(leaf))
        throw new Violation('P2', `a decision is in no log of ${this.#org}: ${leaf}`);
  }

  /**
   * Whether the log of the newest listed key may still come: until 15 minutes after its directory nobody tells that it is not
   * there, and who holds the key before may write on.
   */
  #isAwaited({ logs }: LiveVerdict): boolean {
    const newest = Math.max(...this.#world.listed(this.#org));
    return !logs.some(({ origin, head }) => head !== undefined && parseOrigin(origin)?.number === newest);
  }

  #accept(tree: AcceptedTree): void {
    this.#accepted.set(`${tree.origin} ${tree.size} ${tree.root}`, tree);
  }

  #leaves(origin: string): string[] {
    const number = parseOrigin(origin)?.number;
    return this.#world.tables
      .of('audit_entry')
      .filter((row) => row['org'] === this.#org && row['log'] === number)
      .toSorted((one, other) => Number(one['idx']) - Number(other['idx']))
      .map(textOf);
  }

  #requireHonest(origin: string, leaves: readonly string[]): void {
    const honest = this.#world.honest.get(this.#org);
    for (const leaf of leaves)
      if (honest?.has(leaf) !== true && !this.#world.begins.has(leaf))
        throw new Violation('P3', `${origin} is taken for good with what nobody decided: ${leaf}`);
  }

  async #requireUncontradicted(
    shown: ReadonlyMap<string, readonly string[]>,
    lost: ReadonlySet<string>,
  ): Promise<void> {
    const newest = Math.max(0, ...[...shown.keys()].map((origin) => parseOrigin(origin)?.number ?? 0));
    for (const { origin, size, root } of this.#accepted.values()) {
      if (lost.has(origin)) continue;
      const leaves = shown.get(origin);
      const isEnded = (parseOrigin(origin)?.number ?? 0) < newest;
      if ((leaves?.length ?? 0) < size) {
        // What is shown may be late, but not once a newer log says how much there was.
        if (isEnded)
          throw new Violation('P1', `${origin} had ${size} entries, and now ${leaves?.length ?? 0} are taken for all`);
        continue;
      }
      if ((await rootOf(leaves?.slice(0, size) ?? [])) !== root)
        throw new Violation('P1', `${origin} is taken for good with other first ${size} entries than before`);
    }
  }
}

export function textOf({ leaf }: Row): string {
  return Buffer.from(leaf as Uint8Array).toString();
}

const roots = new Map<string, string>();

async function rootOf(leaves: readonly string[]): Promise<string> {
  const name = leaves.join('\n');
  const known = roots.get(name);
  if (known !== undefined) return known;
  let frontier = EMPTY_FRONTIER;
  for (const leaf of leaves) ({ frontier } = await appendLeaf(frontier, await leafHash(utf8(leaf))));
  const root = encodeBase64url((await treeHeadOf(frontier)).root);
  if (roots.size > 2_000) roots.clear();
  roots.set(name, root);
  return root;
}
