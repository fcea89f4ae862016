import * as z from 'zod';

const ID = /^[a-z]{3}_[0-9a-z]{26}$/;

/** What an entry is found by. Other programs write entries, too: those of a newer version have acts of their own. */
const Terms = z.looseObject({
  id: z.string().catch(''),
  act: z.string().catch('unknown'),
  res: z.string().catch('unknown'),
  who: z.looseObject({ kid: z.string().optional() }).optional().catch(undefined),
  obj: z.looseObject({}).catch({}),
});
const TERMS_OR_NONE = Terms.catch(Terms.parse({}));

export interface EntryTerms {
  readonly act: string;
  readonly res: string;
  readonly kid: string | null;
  /** Every id that it names; its own, too. */
  readonly objects: string[];
}

/** Reads them from the text of a leaf. None keeps an entry out of the log. */
export function termsOf(leaf: string): EntryTerms {
  const { id, act, res, who, obj } = TERMS_OR_NONE.parse(jsonOf(leaf));
  const named = Object.values(obj).filter((value): value is string => typeof value === 'string' && ID.test(value));
  return { act, res, kid: who?.kid ?? null, objects: ID.test(id) ? [id, ...named] : named };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
