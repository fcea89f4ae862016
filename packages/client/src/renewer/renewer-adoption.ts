import type { StandingLabel } from '@bulla/contract';
import type { TagSet, Trust } from '@bulla/crypto';
import {
  CryptoError,
  isEarlierTag,
  parseLabelFreshness,
  parseTag,
  parseUrn,
  readTags,
  requireSeconds,
  secondsOf,
} from '@bulla/crypto';
import type { AdoptablePosition, LabelSigner } from '../labels/label-adoption.js';
import type { LabelHead } from '../labels/label-heads.js';
import { headOf, leadsThrough, tupleOf, withHead } from '../labels/label-memory.js';
import type { Session } from '../connection/session.js';
import type { StandingPage } from '../labels/standing-labels.js';
import { standingLabels } from '../labels/standing-labels.js';
import type { TrustState } from '../trust/trust-store.js';
import { seenOf } from '../trust/trust-store.js';

/** What another renewer last said of a label. */
export interface OtherWord {
  /** URN of the renewer. */
  readonly renewer: string;
  /** Seconds. */
  readonly at: number;
  /** Whether it is for the position that is shown. */
  readonly same: boolean;
}

/** A label as a person sees it before a renewer is told that it stands there. */
export interface AdoptableLabel {
  readonly name: string;
  readonly label: string;
  readonly remembered: Pick<LabelHead, 'seq' | 'pos'> | undefined;
  readonly shown: AdoptablePosition & { readonly given: number; readonly signed: number; readonly needed: number };
  readonly others: readonly OtherWord[];
  /** Whether it is adopted: as many people signed it as the policy asks for. */
  readonly adopts: boolean;
}

/** What a vault shows, for a person to say that it is the newest. */
export interface RenewerAdoption {
  readonly directory: {
    readonly version: number;
    readonly hash: string;
    /** Seconds. */
    readonly issued: number;
    /** Version that is remembered. */
    readonly remembered: number | undefined;
  };
  readonly labels: readonly AdoptableLabel[];
  /** Labels of which nothing can be adopted, and why. */
  readonly left: readonly { readonly name: string; readonly label: string; readonly why: string }[];
  /** What takes the place of what is remembered. */
  readonly trust: Trust;
  readonly sets: readonly { readonly set: TagSet; readonly tags: readonly string[] }[];
}

/**
 * Reads where everything stands by the vault's word. Tags are verified; whether they are enough is said.
 * @throws {TrustError} trust_rollback if the directory does not come after the one that is remembered
 */
export async function readRenewerAdoption(session: Session): Promise<RenewerAdoption> {
  const before = (await session.keeper.remembered())?.memory.directory.version;
  const trust = await session.keeper.refresh();
  const labels: AdoptableLabel[] = [];
  const left: { name: string; label: string; why: string }[] = [];
  const sets: { set: TagSet; tags: readonly string[] }[] = [];
  for await (const standing of eachOf(standingLabels(session, trust))) {
    const { name, label, tags } = standing;
    const set = tags.every(isEarlierTag)
      ? 'it was last signed by an earlier version'
      : await read(session, trust, standing);
    if (typeof set === 'string') {
      left.push({ name, label, why: set });
      continue;
    }
    const remembered = headOf(await session.labels.seen(name), label);
    const adopts = set.signed >= set.needed;
    labels.push({ ...shownOf(standing, set), remembered, adopts });
    if (adopts) sets.push({ set, tags });
  }
  const { ver: version, hash } = trust.directoryRef;
  const directory = { version, hash, issued: secondsOf(trust.directory.issued), remembered: before };
  return { directory, labels, left, trust, sets };
}

async function* eachOf(pages: AsyncIterable<StandingPage>): AsyncGenerator<StandingLabel> {
  for await (const { labels } of pages) yield* labels;
}

/** What a set of tags says, or why it says nothing. */
async function read(session: Session, trust: Trust, { name, label, tags }: StandingLabel): Promise<TagSet | string> {
  try {
    return await readTags(tags, { trust, name, label, now: session.now() });
  } catch (error) {
    if (error instanceof CryptoError) return error.message;
    throw error;
  }
}

function shownOf({ name, label, tags, fresh = [] }: StandingLabel, set: TagSet) {
  const { seq, pos, sub, version, chash, given, signed, needed } = set;
  const position = { seq, pos, prompt: parseUrn(sub)?.id, version, chash, signers: tags.map(signerOf) };
  const others = fresh.flatMap((word) => otherWord(word, pos));
  return { name, label, shown: { ...position, given, signed, needed }, others };
}

/** For a person to read: nobody has verified it. */
function otherWord(token: string, shown: string): OtherWord[] {
  try {
    const { iss: renewer, iat: at, pos } = parseLabelFreshness(token).claims;
    return [{ renewer, at, same: pos === shown }];
  } catch (error) {
    if (error instanceof CryptoError) return [];
    throw error;
  }
}

function signerOf(tag: string): LabelSigner {
  const { iss, iat } = parseTag(tag).claims;
  return { urn: iss, at: iat };
}

/** A memory of a directory and of no positions: what a renewer is born with. @param now seconds */
export function firstMemory({ pin, documents, memory }: Trust, now: number): TrustState {
  requireSeconds(now);
  return { pin, documents, memory, fetchedAt: now, names: [] };
}

/** The memory that a person's decision makes. @param at seconds */
export function adoptedState({ trust, sets }: RenewerAdoption, at: number): TrustState {
  let state = firstMemory(trust, at);
  for (const { set, tags } of sets) {
    const shown = { ...set, tags, adopted: at, vouched: true };
    state = withHead(state, shown, [tupleOf(shown)]);
  }
  return state;
}

/** The memory with what a device of the same home knows further, and a line for each label of it. */
export function followedState(state: TrustState, own: TrustState): { state: TrustState; lines: readonly string[] } {
  let followed = state;
  const lines: string[] = [];
  for (const [name, { labels }] of own.names) {
    for (const head of labels) {
      if (!('pos' in head)) continue;
      const known = headOf(seenOf(followed, name), head.label);
      // guard: renewer-follows
      if (known !== undefined && !leadsThrough(head, known)) continue;
      const { label, ver: version, until: expiresAt, ...rest } = head;
      const shown = { ...rest, name, label, version, expiresAt, freshUntil: 0, signers: [], vouched: true };
      followed = withHead(followed, shown, head.tuples);
      lines.push(`position ${head.seq} of ${name}@${label}`);
    }
  }
  return { state: followed, lines };
}
