import type { TagSet, Trust } from '@bulla/crypto';
import { isEarlierTag, parseEarlierTag, parseTag, parseUrn, readTags } from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import type { EarlierHead } from './label-heads.js';
import type { ShownPosition } from './label-memory.js';
import { rememberedOf } from './label-memory.js';
import type { PromptRef } from './labels.js';
import { notBorne, readPosition } from './labels.js';
import type { Session } from '../connection/session.js';

/** Somebody's word for a position. */
export interface LabelSigner {
  /** URN of the device. */
  readonly urn: string;
  /** Seconds: when it says that it signed. */
  readonly at: number;
}

/** A position as a person is shown it. */
export interface AdoptablePosition {
  readonly seq: number;
  /** Absent for an earlier position, from before positions had a hash. */
  readonly pos?: string | undefined;
  /** TypeID of the prompt; the name may have stood for another one. */
  readonly prompt?: string | undefined;
  /** 0 where the label is deleted; absent where only the number is known. */
  readonly version?: number | undefined;
  readonly chash?: string | undefined;
  readonly signers: readonly LabelSigner[];
}

/** What is remembered of a label, and what the vault shows, for a person to choose. */
export interface LabelAdoption {
  readonly label: string;
  readonly remembered: AdoptablePosition | undefined;
  readonly shown: AdoptablePosition & {
    /** How many people signed it whose tags count, how many counts expired ones too, and how many the policy asks for. */
    readonly given: number;
    readonly signed: number;
    readonly needed: number;
  };
  /** What takes the place of what is remembered. */
  readonly position: ShownPosition | (EarlierHead & { readonly name: string; readonly sub: string });
}

/** Moves that may have happened unseen, where no tag proves them. A party that says the last number ends the label. */
const JUMP_MAX = 1_000;

/**
 * What adopting the position that the vault shows would mean. Its tags are verified; whether they are enough is said.
 * @throws {BullaError} label_not_found; token_malformed, signature_invalid, envelope_tampered
 */
export async function readAdoption(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
): Promise<LabelAdoption> {
  const { name } = prompt;
  const remembered = rememberedOf(await session.labels.seen(name), label);
  const position = await readPosition(session, trust, prompt, label);
  if (position === undefined) throw notBorne(prompt, label);
  const before = remembered && {
    ...('pos' in remembered
      ? {
          pos: remembered.pos,
          prompt: parseUrn(remembered.sub)?.id,
          version: remembered.ver,
          chash: remembered.chash,
          signers: remembered.tags.map(signerOf),
        }
      : { signers: [] }),
    seq: remembered.seq,
  };
  const needed = trust.labelRule(name, label).threshold;
  if (position.tags.every(isEarlierTag)) {
    const { seq } = position;
    // guard: client-adopt-jump
    if (seq > (remembered?.seq ?? 0) + JUMP_MAX) throw jump(label);
    const sub = parseEarlierTag(position.tags[0] ?? '').claims.sub;
    const shown = {
      seq,
      prompt: parseUrn(sub)?.id,
      version: position.version,
      signers: [],
      given: 0,
      signed: 0,
      needed,
    };
    return { label, remembered: before, shown, position: { name, sub, label, seq } };
  }
  const expected = { name, label, now: session.now() };
  const set = await session.keeper.withKnownKeys(trust, (known) =>
    checked(() => readTags(position.tags, { trust: known, ...expected })),
  );
  return {
    label,
    remembered: before,
    shown: { ...shownOf(set), signers: position.tags.map(signerOf), given: set.given, signed: set.signed, needed },
    position: { ...set, tags: position.tags },
  };
}

function shownOf({ seq, pos, sub, version, chash }: TagSet): Omit<AdoptablePosition, 'signers'> {
  return { seq, pos, prompt: parseUrn(sub)?.id, version, chash };
}

function signerOf(tag: string): LabelSigner {
  const { iss, iat } = parseTag(tag).claims;
  return { urn: iss, at: iat };
}

function jump(label: string) {
  const message = `the vault shows a position of ${label} that nobody signed, far beyond what was seen`;
  return bullaError('label_stale', { message, check: 'tag-sequence', origin: 'client' });
}
