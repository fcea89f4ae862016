import { PUSHED_TAGS_MAX, routesOf } from '@bulla/contract';
import { digestB64u, utf8 } from '@bulla/crypto';
import type { AskedLeaf } from './entry-fit.js';
import { misfit } from './misfit.js';

/** What is kept of the changes that one request brought about; as text, since a log has very many. */
interface Kept {
  readonly ev: string;
  /** What each of them is, and the hash of the entry that says so. */
  readonly changes: readonly (readonly [what: string, entry: string])[];
}

/** Of a hash as many characters are kept as nobody can hit by trying: 132 bits. */
const HASH_CHARACTERS = 22;

/**
 * Which requests brought about changes, over all logs of a service. A request stands for the acts of one change, each of
 * them once: an entry that uses it again is not what anybody asked for.
 */
export class RequestMemory {
  /** By key and the first character of the nonce, so that no map grows beyond what a map may have. */
  readonly #kept = new Map<string, Map<string, string>>();
  /** Entries that no request brought about, by the first character of their hashes. */
  readonly #entries = new Map<string, Set<string>>();

  /**
   * @returns whether this very entry was there before, letter by letter
   * @throws {CryptoError} signature_invalid (entry-evidence)
   */
  async see(leaf: AskedLeaf, text: string): Promise<boolean> {
    if (!('kid' in leaf.who) || leaf.req === undefined || leaf.ev === undefined) return this.isAgain(text);
    const { req, ev, who } = leaf;
    const what = whatOf(leaf);
    const entry = await hashOf(text);
    const ofKey = this.#of(who.kid, req);
    const known = ofKey.get(req);
    const kept = known === undefined ? { ev, changes: [] } : keptOf(known);
    if (kept.changes.some(([, hash]) => hash === entry)) return true;
    // guard: audit-request-once
    if (kept.changes.some(([one]) => one === what))
      throw misfit('its request stands for one change, and another entry has it for the same');
    const acts = [...kept.changes.map(([one]) => actIn(one)), leaf.act];
    // guard: audit-request-acts
    if (kept.ev !== ev || !areOfOne(acts))
      throw misfit('its request stands for one change, and another entry has it for something else');
    // Also bounds the work of each entry, which reads all that is kept of its request.
    // guard: audit-request-labels
    if (acts.filter((act) => act === 'label.move').length > PUSHED_TAGS_MAX)
      throw misfit(`its request stands for one change, and that moves at most ${PUSHED_TAGS_MAX} labels`);
    ofKey.set(req, textOf({ ev, changes: [...kept.changes, [what, entry]] }));
    return false;
  }

  /** Whether this very entry was there before, letter by letter: one that read, was refused, or that nobody asked for. */
  async isAgain(text: string): Promise<boolean> {
    const entry = await hashOf(text);
    const shard = this.#entries.get(entry.charAt(0)) ?? new Set<string>();
    this.#entries.set(entry.charAt(0), shard);
    const isThere = shard.has(entry);
    shard.add(entry);
    return isThere;
  }

  #of(kid: string, req: string): Map<string, string> {
    const shard = `${kid}${req.charAt(0)}`;
    const ofKey = this.#kept.get(shard) ?? new Map<string, string>();
    this.#kept.set(shard, ofKey);
    return ofKey;
  }
}

async function hashOf(text: string): Promise<string> {
  return (await digestB64u(utf8(text))).slice(0, HASH_CHARACTERS);
}

/** A push moves several labels; anything else comes about once. */
function whatOf({ act, obj }: AskedLeaf): string {
  return act === 'label.move' && 'label' in obj ? `${act}/${obj.label}` : act;
}

function actIn(what: string): AskedLeaf['act'] {
  return what.split('/')[0] as AskedLeaf['act'];
}

/** Whether a request of one route brings all of them about. */
function areOfOne(acts: readonly AskedLeaf['act'][]): boolean {
  const [first, ...others] = acts.map((act) => routesOf(act));
  return (first ?? []).some((route) => others.every((routes) => routes.includes(route)));
}

function textOf({ ev, changes }: Kept): string {
  return [ev, ...changes.flat()].join(' ');
}

function keptOf(text: string): Kept {
  const [ev = '', ...rest] = text.split(' ');
  const changes = rest.flatMap((what, at) => (at % 2 === 0 ? [[what, rest[at + 1] ?? ''] as const] : []));
  return { ev, changes };
}
