import type { AuditLeaf } from '@bulla/contract';
import { parseLeaf } from '@bulla/contract';
import * as z from 'zod';

const ID = /^[a-z]{3}_[0-9a-z]{26}$/;

/** What an entry is found by. Other programs write entries, too: those of a newer version have acts of their own. */
const Terms = z.looseObject({
  id: z.string().catch(''),
  t: z.string().catch(''),
  act: z.string().catch('unknown'),
  res: z.string().catch('unknown'),
  who: z.looseObject({ kid: z.string().optional() }).optional().catch(undefined),
  obj: z.looseObject({}).catch({}),
});
const TERMS_OR_NONE = Terms.catch(Terms.parse({}));
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export interface EntryTerms {
  readonly act: string;
  readonly res: string;
  readonly kid: string | null;
  /** Every id that it names; its own, too. */
  readonly objects: string[];
  /** Its own, if it has one. */
  readonly id: string | undefined;
  /** When, by the clock of who wrote it; undefined where it does not say. */
  readonly tMs: number | undefined;
}

/**
 * The text of a leaf as the database has it. What somebody put there that is no UTF-8 becomes a text all the same, with
 * another hash: no tree that is signed has that.
 */
export function leafText(leaf: Uint8Array): string {
  return decoder.decode(leaf);
}

/** What a leaf says; undefined for what is no entry of this version. */
export function entryIn(leaf: string): AuditLeaf | undefined {
  try {
    return parseLeaf(leaf);
  } catch {
    return undefined;
  }
}

/** Reads them from the text of a leaf. None keeps an entry out of the log. */
export function termsOf(leaf: string): EntryTerms {
  const { id, t, act, res, who, obj } = TERMS_OR_NONE.parse(jsonOf(leaf));
  const named = Object.values(obj).filter((value): value is string => typeof value === 'string' && ID.test(value));
  const own = ID.test(id) ? id : undefined;
  const tMs = Date.parse(t);
  const objects = own === undefined ? named : [own, ...named];
  return { act, res, kid: who?.kid ?? null, objects, id: own, tMs: Number.isNaN(tMs) ? undefined : tMs };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
